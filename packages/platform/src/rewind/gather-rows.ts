import pg from 'pg'
import { type Statement, toQuery } from '../database/index.ts'
import { schemaChangesTable } from '../journal/index.ts'
import { rewindErrors } from './errors.ts'
import type { KeyedTable, RewindTableShape } from './read-tables.ts'

/** What a rewind does to one table. */
export interface RewindTable {
  /** `schema.table`. */
  readonly table: string
  /** Rows that came since: they go. */
  readonly removed: number
  /** Rows that went since: they come back. */
  readonly restored: number
  /** Rows that changed since: they are as they were. */
  readonly reverted: number
}

/** The changes that a rewind takes back: of the tenant, after one number and up to another, of some tables or of all. */
export interface Stretch {
  readonly tenant: string
  readonly after: number
  readonly upTo: number
  /** `schema.table`; undefined for all. */
  readonly tables: readonly string[] | undefined
}

/**
 * Room for the rows of a rewind, as long as its transaction: every row that was touched since the point, with its image
 * before its first change (null when it was not there), and the rows that went because of it.
 */
export async function makeRoom(client: pg.Client): Promise<void> {
  await client.query(`
    create temp table plinth_rewind (relation text, key text, position pg_lsn not null, image jsonb,
      went boolean not null, came_over boolean not null, round int not null, replaced boolean not null default false,
      primary key (relation, key)) on commit drop;
    create temp table plinth_rewind_gone (relation text, place tid, row jsonb, unique (relation, place)) on commit drop;`)
}

/** Adds the rows that were touched in a stretch; gives how many were not there yet. */
export async function gatherRows(client: pg.Client, stretch: Stretch, round: number): Promise<number> {
  const { rows } = await client.query<{ added: string }>(
    `with touched as (
       select relation, key, min(sequence) as first, max(sequence) as last from plinth_journal.entries
       where tenant = $1 and sequence > $2 and sequence <= $3 and relation <> $4
         and ($5::text[] is null or relation = any ($5))
       group by relation, key
     ), gathered as (
       insert into plinth_rewind (relation, key, position, image, went, came_over, round)
       select t.relation, t.key, f.position, case when f.operation <> 'insert' then f.before::jsonb end,
         l.operation = 'delete', f.operation = 'insert' and f.before is not null, $6
       from touched t
       join plinth_journal.entries f on f.tenant = $1 and f.sequence = t.first
       join plinth_journal.entries l on l.tenant = $1 and l.sequence = t.last
       on conflict (relation, key) do update set went = excluded.went
       returning round
     )
     select count(*) filter (where round = $6) as added from gathered`,
    [stretch.tenant, stretch.after, stretch.upTo, schemaChangesTable, stretch.tables ?? null, round],
  )
  await client.query('analyze plinth_rewind')
  return Number(rows[0]!.added)
}

/** How many changes a stretch has. */
export async function countChanges(client: pg.Client, stretch: Stretch): Promise<number> {
  const { tenant, after, upTo, tables } = stretch
  // Numbers have no gaps; changes of the schema are numbered among what belongs to the project as a whole.
  if (!tables && tenant !== '') return upTo - after
  const { rows } = await client.query<{ count: string }>(
    `select count(*) from plinth_journal.entries where tenant = $1 and sequence > $2 and sequence <= $3
       and relation <> $4 and ($5::text[] is null or relation = any ($5))`,
    [tenant, after, upTo, schemaChangesTable, tables ?? null],
  )
  return Number(rows[0]!.count)
}

/** True when a stretch has changes of rows that were gathered before. */
export async function touchesGathered(client: pg.Client, stretch: Stretch): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from plinth_journal.entries e join plinth_rewind r on r.relation = e.relation and r.key = e.key
     where e.tenant = $1 and e.sequence > $2 and e.sequence <= $3 limit 1`,
    [stretch.tenant, stretch.after, stretch.upTo],
  )
  return rowCount !== 0
}

/** The relations that have gathered rows, as `schema.table`. */
export async function readGathered(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ relation: string }>(
    'select distinct relation from plinth_rewind order by relation',
  )
  return rows.map(({ relation }) => relation)
}

/** `t.id = (r.key::jsonb ->> 0)::uuid and …` */
export const sameKey = (table: Pick<KeyedTable, 'key'>): string =>
  table.key
    .map((column, place) => `t.${column.sql} = (r.key::jsonb ->> ${place})::${column.type}`)
    .join(' and ')

/** Leaves rows as they are that a query names by `relation` and `key`; gives how many of each table. */
export async function keepRows(
  client: pg.Client,
  queries: readonly Statement[],
): Promise<ReadonlyMap<string, number>> {
  const kept = new Map<string, number>()
  for (const query of queries) {
    const { text, values } = toQuery(query)
    const { rows } = await client.query<{ relation: string; count: string }>(
      `with kept as (${text}), gone as (
         delete from plinth_rewind r using kept k where r.relation = k.relation and r.key::jsonb = k.key::text::jsonb returning r.relation)
       select relation, count(*) from gone group by relation`,
      values as unknown[],
    )
    for (const { relation, count } of rows) kept.set(relation, (kept.get(relation) ?? 0) + Number(count))
  }
  return kept
}

/** A row that came from another tenant or went to one, and belongs to somebody now. */
export interface MovedRow {
  readonly table: string
  readonly key: string
}

/** Rows that changed their tenant: taking one back would take it from another tenant, or from both. */
export async function findMovedRows(
  client: pg.Client,
  tables: readonly RewindTableShape[],
  tenant: string,
): Promise<readonly MovedRow[]> {
  const moved: MovedRow[] = []
  for (const table of tables) {
    if (table.tenantColumn === null) continue
    const { rows } = await client.query<MovedRow>(
      `select r.relation as "table", r.key from plinth_rewind r join ${table.sql} t on ${sameKey(table)}
       where r.relation = $1 and (r.came_over or r.went)
         and (r.came_over or coalesce(t.${pg.escapeIdentifier(table.tenantColumn)}::text, '') <> $2)`,
      [table.relation, tenant],
    )
    moved.push(...rows)
  }
  return moved
}

export function refuseMovedRows(moved: readonly MovedRow[]): void {
  const [first] = moved
  if (first) throw rewindErrors.rewind_row_moved({ key: first.key, table: first.table, count: moved.length })
}

export async function leaveRows(client: pg.Client, rows: readonly MovedRow[]): Promise<void> {
  await client.query(
    `delete from plinth_rewind r using unnest($1::text[], $2::text[]) l(relation, key)
     where r.relation = l.relation and r.key = l.key`,
    [rows.map(({ table }) => table), rows.map(({ key }) => key)],
  )
}

export async function countRows(client: pg.Client): Promise<RewindTable[]> {
  const { rows } = await client.query<Record<'table' | 'removed' | 'restored' | 'reverted', string>>(
    `select relation as "table",
       count(*) filter (where image is null and not went) as removed,
       count(*) filter (where image is not null and went) as restored,
       count(*) filter (where image is not null and not went) as reverted
     from plinth_rewind group by relation order by relation`,
  )
  return rows.map((row) => ({
    table: row.table,
    removed: Number(row.removed),
    restored: Number(row.restored),
    reverted: Number(row.reverted),
  }))
}
