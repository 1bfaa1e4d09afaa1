import { type ProjectDatabase, sql } from '../database/index.ts'

export interface FoundRewind {
  /** The number of the change before it. */
  readonly undoneBy: number
}

/**
 * A rewind in the tenant's journal, by its id, among the changes after a number (default: all). Undefined where it is not,
 * or not yet, journalled.
 */
export async function findRewind(
  database: ProjectDatabase,
  tenant: string,
  id: string,
  after = 0,
): Promise<FoundRewind | undefined> {
  const { rows } = await database.asJournal<{ before: string }>(sql`
    with last as materialized (
      select sequence, position from plinth_journal.entries
      where tenant = ${tenant} and sequence > ${after} and actor ->> 'reason' like '%(' || ${id}::text || ')'
      order by sequence desc limit 1
    )
    select coalesce((select e.sequence from plinth_journal.entries e
      where e.tenant = ${tenant} and e.sequence < last.sequence and e.position <> last.position
      order by e.sequence desc limit 1),
      (select sequence from plinth_journal.anchors where tenant = ${tenant}), 0) as before
    from last`)
  return rows[0] && { undoneBy: Number(rows[0].before) }
}
