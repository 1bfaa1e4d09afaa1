import type pg from 'pg'
import { schemaChangesTable } from '../journal/index.ts'
import { compareShapes } from './compare-shapes.ts'
import { rewindErrors } from './errors.ts'
import type { RewindTableShape, TableShape } from './read-tables.ts'
import type { RewindPoint } from './rewind-point.ts'

interface ChangeRow {
  readonly id: string
  readonly relation: string
  readonly reason: 'journalled' | 'released' | 'changed' | 'rewritten' | 'gone'
  readonly was_empty: boolean
  readonly shape: TableShape | null
  readonly noted_at: string
  /** Of its commit; null for what was noted before the stream began, or archived. */
  readonly position: string | null
  readonly committed_at: string | null
}

/** How one table changed since the point. */
interface TableHistory {
  /** As it was at the point; undefined for a table that was not journalled then. */
  readonly before: ChangeRow | undefined
  readonly since: readonly ChangeRow[]
}

/** By table: what the images do not say, and what has to be tried. */
export interface ColumnNotes {
  readonly added: ReadonlySet<string>
  readonly retyped: ReadonlySet<string>
}

/** What was noted of the tables, told apart by whether it was before the point. */
export async function readHistories(
  client: pg.Client,
  point: RewindPoint,
): Promise<ReadonlyMap<string, TableHistory>> {
  const at = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
  const { rows } = await client.query<ChangeRow>(
    `with placed as materialized (
       select (after ->> 'id')::bigint as id, position, committed_at from plinth_journal.entries
       where tenant = '' and relation = $1 and committed_at >= $2::timestamptz
     )
     select s.id, s.relation, s.reason, s.was_empty, s.shape, ${at('s.noted_at')} as noted_at,
       p.position::text as position, ${at('p.committed_at')} as committed_at
     from plinth_journal.schema_changes s left join placed p on p.id = s.id order by s.id`,
    [schemaChangesTable, point.from],
  )
  const histories = new Map<string, { before: ChangeRow | undefined; since: ChangeRow[] }>()
  for (const row of rows) {
    const history = histories.get(row.relation) ?? { before: undefined, since: [] }
    histories.set(row.relation, history)
    const isSince = point.isAfter({ position: row.position, at: row.committed_at ?? row.noted_at })
    if (isSince) history.since.push(row)
    else history.before = row
  }
  return histories
}

/**
 * Refuses where the journal did not follow a table all the time since the point and the tenant has, or had, rows in it:
 * `rewind_table_younger`. A table that came empty and was journalled from then on hides nothing.
 */
export async function refuseYoungTables(
  client: pg.Client,
  histories: ReadonlyMap<string, TableHistory>,
  tables: readonly RewindTableShape[],
  { tenant, name }: { readonly tenant: string; readonly name: string },
): Promise<void> {
  for (const table of tables) {
    const history = histories.get(table.relation)
    const hole = history && findHole(history)
    if (!hole) continue
    const isNew = history.before === undefined && history.since[0] === hole
    if (isNew && hole.was_empty) continue
    if (!(await hasRows(client, table, tenant)) && (isNew || !(await hadRows(client, table, tenant))))
      continue
    throw rewindErrors.rewind_table_younger({ table: table.relation, since: hole.noted_at, to: name })
  }
}

/** The last place from which on a table's changes are known. */
function findHole({ before, since }: TableHistory): ChangeRow | undefined {
  return since.findLast((change, place) => {
    const previous = since[place - 1] ?? before
    if (change.reason === 'journalled') return true
    return previous !== undefined && previous.shape?.table !== change.shape?.table && change.shape !== null
  })
}

async function hasRows(client: pg.Client, table: RewindTableShape, tenant: string): Promise<boolean> {
  const column = table.columns.find(({ name }) => name === table.tenantColumn)
  if (!column && tenant !== '') return false
  const isTheirs = !column
    ? 'true'
    : tenant === ''
      ? `t.${column.sql} is null and $1 = ''`
      : `t.${column.sql} = $1::${column.type}`
  const { rowCount } = await client.query(
    `select from ${table.sql} t where ${isTheirs} limit 1`,
    column ? [tenant] : [],
  )
  return rowCount !== 0
}

async function hadRows(client: pg.Client, table: RewindTableShape, tenant: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'select from plinth_journal.entries where tenant = $1 and relation = $2 limit 1',
    [tenant, table.relation],
  )
  return rowCount !== 0
}

/**
 * Compares each gathered image's shape, which is that of its time, with the table's of today. Fails with
 * `rewind_schema_changed`, which says why.
 */
export async function compareImages(
  client: pg.Client,
  history: TableHistory | undefined,
  table: RewindTableShape,
  to: string,
): Promise<ColumnNotes> {
  const since = history?.since ?? []
  const added = new Set<string>()
  const retyped = new Set<string>()
  for (const count of await readGenerations(client, table, since)) {
    const then = count === 0 ? history?.before : since[count - 1]
    const later = since.slice(count)
    const refuse = (problem: string) =>
      rewindErrors.rewind_schema_changed({ table: table.relation, to, problem })
    if (later.some(({ reason }) => reason === 'rewritten'))
      throw refuse('the values of a column were computed anew since (alter column … type … using)')
    // What was changed before anybody noted it: names and values have to do.
    const was = then?.shape ?? later[0]?.shape ?? table.shape
    const difference = compareShapes(was, table.shape)
    if (difference.problem !== undefined) throw refuse(difference.problem)
    for (const name of difference.added) added.add(name)
    for (const name of difference.retyped) retyped.add(name)
  }
  return { added, retyped }
}

/** How many of the changes were committed before an image was taken, each number that occurs once. */
async function readGenerations(
  client: pg.Client,
  table: RewindTableShape,
  since: readonly ChangeRow[],
): Promise<number[]> {
  const { rows } = await client.query<{ count: number }>(
    `select distinct (select count(*)::int from unnest($2::pg_lsn[]) p where p < r.position) as count
     from plinth_rewind r where r.relation = $1 and r.image is not null`,
    [table.relation, since.map(({ position }) => position)],
  )
  return rows.map(({ count }) => count)
}
