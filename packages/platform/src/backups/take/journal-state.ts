import { sql } from '../../database/index.ts'
import type { BackupContext } from '../backup-context.ts'
import type { SetTable } from '../set/tenant-set.ts'

/** What the journal says of a tenant now. */
export interface JournalState {
  /** Number of the last change; 0 before the first. */
  readonly sequence: number
  /** Number of the last change that has left the journal. */
  readonly archived: number
  /** How many stretches are known to be missing. */
  readonly gaps: number
  /** The last change of the tables' shape. */
  readonly schemaChange: number
}

export async function readJournalState(
  { database }: BackupContext,
  tenant: string,
  tables: readonly Pick<SetTable, 'relation'>[],
): Promise<JournalState> {
  const relations = tables.map(({ relation }) => relation)
  const { rows } = await database.asJournal<Record<keyof JournalState, string>>(sql`
    select coalesce((select sequence from plinth_journal.heads where tenant = ${tenant}), 0) as sequence,
      coalesce((select sequence from plinth_journal.anchors where tenant = ${tenant}), 0) as archived,
      (select count(*) from plinth_journal.gaps) as gaps,
      coalesce((select max(id) from plinth_journal.schema_changes where relation = any (${relations}::text[])), 0) as "schemaChange"`)
  const { sequence, archived, gaps, schemaChange } = rows[0]!
  return {
    sequence: Number(sequence),
    archived: Number(archived),
    gaps: Number(gaps),
    schemaChange: Number(schemaChange),
  }
}

/** True when the journal knows every change of the set. */
export const isJournalled = (tables: readonly SetTable[]): boolean =>
  tables.every((table) => table.isJournalled)
