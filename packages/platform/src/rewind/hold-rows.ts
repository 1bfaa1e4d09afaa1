import type pg from 'pg'
import type { Tail } from '../tail/index.ts'
import { rewindErrors } from './errors.ts'
import type { TenantRoot } from './find-tenant.ts'
import { gatherRows, readGathered, type Stretch, sameKey, touchesGathered } from './gather-rows.ts'
import { type RewindTableShape, requireTables } from './read-tables.ts'

export interface HoldOptions {
  readonly tail: Pick<Tail, 'settle'>
  readonly root: TenantRoot | null
  /** What was gathered so far. */
  readonly stretch: Stretch
  /** Every journalled table. */
  readonly tables: readonly RewindTableShape[]
}

/** After these, changes of rows that nobody holds are let be: they count as made after the rewind. */
const roundsForAll = 2
const mostRounds = 6

/**
 * Holds on to the tenant's root row and to every row that is rewound, until the transaction ends, so that nobody changes
 * them meanwhile; everybody else goes on writing. What was written before they were held is gathered as well. Gives the
 * number of the last change that is taken back.
 */
export async function holdRows(
  client: pg.Client,
  { tail, root, stretch, tables }: HoldOptions,
): Promise<Stretch> {
  if (root) await client.query(`${root.select} for update`, [stretch.tenant])
  let taken = stretch
  for (let round = 0; round < mostRounds; round += 1) {
    await lockGathered(client, tables, round)
    await tail.settle()
    const last = await readHead(client, taken.tenant)
    if (last === taken.upTo) return taken
    const more = { ...taken, after: taken.upTo, upTo: last }
    if (round >= roundsForAll && !(await touchesGathered(client, more))) return taken
    taken = { ...taken, upTo: last }
    if ((await gatherRows(client, more, round + 1)) === 0) return taken
  }
  throw rewindErrors.rewind_busy({ tenant: stretch.tenant })
}

/** Rows that were gathered in a round, those that are there. */
async function lockGathered(
  client: pg.Client,
  tables: readonly RewindTableShape[],
  round: number,
): Promise<void> {
  for (const table of requireTables(tables, await readGathered(client)))
    await client.query(
      `select count(*) from (select 1 from ${table.sql} t join plinth_rewind r on ${sameKey(table)}
       where r.relation = $1 and r.round = $2 for update of t) held`,
      [table.relation, round],
    )
}

export async function readHead(client: pg.Client, tenant: string): Promise<number> {
  const { rows } = await client.query<{ sequence: string }>(
    'select sequence from plinth_journal.heads where tenant = $1',
    [tenant],
  )
  return Number(rows[0]?.sequence ?? 0)
}
