import pg from 'pg'
import {
  createPinnedClient,
  databaseErrors,
  type ProjectDatabase,
  type Statement,
} from '../database/index.ts'
import { hasCode, messageOf } from '../kernel/index.ts'
import type { TenantDeclaration } from '../system/index.ts'
import type { Tail } from '../tail/index.ts'
import type { LostRows } from './cascade-rows.ts'
import { rewindErrors } from './errors.ts'
import { findTenant, type TenantRoot } from './find-tenant.ts'
import {
  countRows,
  findMovedRows,
  gatherRows,
  keepRows,
  leaveRows,
  type MovedRow,
  makeRoom,
  type RewindTable,
  readGathered,
  type Stretch,
} from './gather-rows.ts'
import { readHead } from './hold-rows.ts'
import { type RewindTableShape, readTableShapes, requireTables } from './read-tables.ts'
import type { NotedTable } from './restore-rows.ts'
import { findRewindPoint, type RewindPoint, type RewindTarget } from './rewind-point.ts'
import { compareImages, readHistories, refuseYoungTables } from './schema-changes.ts'

export interface RewindOptions {
  readonly database: ProjectDatabase
  /** Asked to store everything that was committed before the rewind looks. */
  readonly tail: Pick<Tail, 'settle'>
  /** The journal's key, as in {@link createJournal}. */
  readonly key: Buffer
  /** How the system declares tenants. */
  readonly tenants: TenantDeclaration | null
  /** As the system declares tenants; empty for what belongs to the project as a whole. */
  readonly tenant: string
  readonly to: RewindTarget
  /** Only these, as `items` or `schema.items`. Default: all journalled tables. */
  readonly tables?: readonly string[] | undefined
  /** Queries that name rows to be left as they are by `relation` (`schema.table`) and `key` (the journal's). */
  readonly keeps?: readonly Statement[]
}

/** What a rewind would do, or did. */
export interface RewindPreview {
  readonly tenant: string
  /** The last change that stays. */
  readonly sequence: number
  /** How many changes are undone, those of the named tables. */
  readonly undone: number
  readonly tables: readonly RewindTable[]
  /** Rows outside the journal that go with the rows that they belong to; undoing does not bring them back. */
  readonly lost: readonly LostRows[]
  /** Rows that went from one tenant to another since, the first hundred; by default the rewind is refused for them. */
  readonly moved: readonly MovedRow[]
  /** Rows that are left as they are, because they are facts: by table. */
  readonly kept: Readonly<Record<string, number>>
  /** True when the tenant itself was not there: by default the rewind is refused. */
  readonly removesTenant: boolean
}

/** A rewind on its way: a transaction of the owner's in which the rows that were touched are gathered. */
export interface OpenRewind {
  readonly client: pg.Client
  readonly options: RewindOptions
  readonly root: TenantRoot | null
  readonly point: RewindPoint
  readonly stretch: Stretch
}

/**
 * Runs `work` in a transaction that is rolled back unless `work` commits it. Fails as {@link findTenant} and
 * {@link findRewindPoint} do; errors of PostgreSQL become those of a rewind.
 */
export async function withRewind<T>(
  options: RewindOptions,
  begin: (client: pg.Client) => Promise<void>,
  work: (rewind: OpenRewind) => Promise<T>,
): Promise<T> {
  const { database, tenant } = options
  const root = await findTenant(database, options.tenants, tenant)
  await options.tail.settle(catchUpMilliseconds)
  const point = await findRewindPoint(database, tenant, options.to)
  const client = createPinnedClient(database.addresses.ownerDirect, `plinth rewind ${database.system}`)
  await client.connect().catch((cause: unknown) => {
    throw databaseErrors.database_unavailable({}, cause)
  })
  try {
    await client.query('begin')
    await begin(client)
    await client.query('set local row_security = off')
    await client.query(`set local search_path = ${requestPath}`)
    const tables = await chooseTables(client, options.tables)
    const stretch = { tenant, after: point.sequence, upTo: await readHead(client, tenant), tables }
    await makeRoom(client)
    if (stretch.upTo - stretch.after < fewChanges) await client.query('set local enable_seqscan = off')
    await gatherRows(client, stretch, 0)
    return await work({ client, options, root, point, stretch })
  } catch (error) {
    throw explain(error, tenant)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The journal may be behind by a large import; nobody waits for the rewind yet. */
const catchUpMilliseconds = 60_000
/** Where the owner's functions find what they do not qualify, as in a request. */
const requestPath = 'public, extensions'

/**
 * Up to here rows are looked up one by one: PostgreSQL would read all of a large table for ten thousand of its rows, since
 * it takes its pages to be on a slow disk.
 */
const fewChanges = 100_000

async function chooseTables(
  client: pg.Client,
  wanted: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  if (!wanted) return undefined
  const known = (await readTableShapes(client)).map(({ relation }) => relation)
  return wanted.map((name) => {
    const relation = name.includes('.') ? name : `public.${name}`
    if (!known.includes(relation))
      throw rewindErrors.rewind_unknown_table({ table: name, known: known.join(', ') })
    return relation
  })
}

/** Of rows that moved, how many are named. */
export const shownMoves = 100

export interface JudgedRows {
  /** Every journalled table. */
  readonly journalled: readonly RewindTableShape[]
  readonly tables: readonly NotedTable[]
  readonly counts: readonly RewindTable[]
  readonly moved: readonly MovedRow[]
  readonly kept: Readonly<Record<string, number>>
  readonly removesTenant: boolean
}

/** What is to become of the gathered rows. Fails where they cannot be restored as they were. */
export async function judgeRows({ client, options, root, point, stretch }: OpenRewind): Promise<JudgedRows> {
  const { tenant, keeps = [] } = options
  const kept = await keepRows(client, keeps)
  const journalled = await readTableShapes(client)
  const concerned = stretch.tables
    ? journalled.filter(({ relation }) => stretch.tables!.includes(relation))
    : journalled
  const histories = await readHistories(client, point)
  await refuseYoungTables(client, histories, concerned, { tenant, name: point.name })
  const found = await touched(client, journalled)
  const moved = await findMovedRows(client, found, tenant)
  if (moved.length > 0) await leaveRows(client, moved)
  const remaining = moved.length > 0 ? await touched(client, journalled) : found
  const tables: NotedTable[] = []
  for (const table of remaining) {
    const notes = await compareImages(client, histories.get(table.relation), table, point.name)
    tables.push({ ...table, notes })
  }
  return {
    journalled,
    tables,
    counts: await countRows(client),
    moved,
    kept: Object.fromEntries(kept),
    removesTenant: root !== null && (await removesRow(client, root.relation, tenant)),
  }
}

const touched = async (
  client: pg.Client,
  journalled: readonly RewindTableShape[],
): Promise<RewindTableShape[]> => requireTables(journalled, await readGathered(client))

async function removesRow(client: pg.Client, relation: string, tenant: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'select from plinth_rewind where relation = $1 and key::jsonb = $2 and image is null and not went',
    [relation, JSON.stringify([tenant])],
  )
  return rowCount !== 0
}

/** What waiting for others comes to: lock_not_available, deadlock_detected. */
const busy = ['55P03', '40P01']
/** Among others: row security that would hide rows, with `row_security` off. */
const insufficientPrivilege = '42501'

export const isBusy = (error: unknown): boolean => busy.some((code) => hasCode(error, code))

/** SQLSTATE class 23: a unique, exclusion, not-null or check constraint. */
export function explain(error: unknown, tenant: string): unknown {
  if (isBusy(error)) return rewindErrors.rewind_busy({ tenant }, error)
  if (hasCode(error, insufficientPrivilege))
    return rewindErrors.rewind_forbidden({ problem: messageOf(error) }, error)
  if (!(error instanceof pg.DatabaseError) || !error.code?.startsWith('23')) return error
  return rewindErrors.rewind_conflict(
    { problem: [error.message, error.detail].filter(Boolean).join('. ') },
    error,
  )
}
