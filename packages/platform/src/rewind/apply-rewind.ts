import pg from 'pg'
import {
  type Actor,
  actorStatement,
  createPinnedClient,
  databaseErrors,
  type ProjectDatabase,
  rewindRole,
  type Statement,
  sql,
  toQuery,
} from '../database/index.ts'
import { hasCode, messageOf, newSecret } from '../kernel/index.ts'
import { checkDeferrableKeys, checkForeignKey } from './check-constraints.ts'
import { rewindErrors } from './errors.ts'
import { openImages } from './open-images.ts'
import { previewRewind, type RewindOptions, type RewindPreview } from './preview-rewind.ts'
import { readForeignKeys, readTableShapes } from './read-tables.ts'
import {
  collectImages,
  insertRows,
  refuseLossyColumns,
  refuseMovedRows,
  refuseNewColumns,
  removeRows,
} from './restore-rows.ts'
import { describeTarget } from './rewind-point.ts'

export interface ApplyRewindOptions extends RewindOptions {
  /** Who wants it, as the journal will say. */
  readonly actor: Actor
  /** Bring what is derived from the tenant's rows in line with them, in the same transaction, as the owner. */
  readonly afterwards?: readonly Statement[]
  /** How long to wait for transactions that hold the tables, milliseconds. Default 5000. */
  readonly lockMilliseconds?: number
}

export interface AppliedRewind extends RewindPreview {
  /** Rewinding to this number undoes the rewind. */
  readonly undoneBy: number
}

/**
 * Takes a tenant back to a point, in one transaction or not at all. Writers of the journalled tables wait meanwhile,
 * readers do not. Triggers are off, so nothing is sent or counted again; every constraint holds afterwards. The rewind
 * is journalled under `actor`.
 *
 * Beside the failures of {@link previewRewind}: `rewind_busy`, `rewind_not_permitted`, `rewind_row_moved`,
 * `rewind_schema_changed`, `rewind_conflict`, `rewind_orphans`, `rewind_forbidden`; nothing is changed then.
 */
export async function applyRewind(options: ApplyRewindOptions): Promise<AppliedRewind> {
  const { database, tail } = options
  const client = createPinnedClient(database.addresses.ownerDirect, `plinth rewind ${database.system}`)
  await client.connect().catch((cause: unknown) => {
    throw databaseErrors.database_unavailable({}, cause)
  })
  try {
    await client.query('begin')
    await switchTriggersOff(client, database)
    await sayWho(client, options)
    await lockTables(client, options)
    // Nobody writes any more, so what is stored after this is all there is to undo.
    const preview = await previewRewind(options)
    await restore(client, options, preview)
    for (const statement of options.afterwards ?? []) await client.query(toQuery(statement))
    await client.query('commit')
    await tail.settle()
    return { ...preview, undoneBy: preview.sequence + preview.undone }
  } catch (error) {
    throw explain(error, database.system)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * The owner restores his rows himself, since his functions (in generated columns, checks and indexes) run with it. The
 * journal's role permits this transaction, and no other, to switch triggers off: he could keep no foreign key otherwise.
 * Rows that row security would hide are an error.
 */
async function switchTriggersOff(client: pg.Client, database: ProjectDatabase): Promise<void> {
  const permit = newSecret()
  await database.asJournal(sql`
    with unused as (delete from plinth_journal.rewind_permits where expires_at < clock_timestamp())
    insert into plinth_journal.rewind_permits (digest, expires_at)
    values (sha256(convert_to(${permit}, 'UTF8')), clock_timestamp() + interval '1 minute')`)
  await client.query('select plinth_journal.begin_rewind($1)', [permit]).catch((cause: unknown) => {
    throw rewindErrors.rewind_not_permitted({ role: rewindRole(database.system) }, cause)
  })
  await client.query('set local row_security = off')
  await client.query(`set local search_path = ${requestPath}`)
}

/** Where the owner's functions find what they do not qualify, as in a request. */
const requestPath = 'public, extensions'

async function sayWho(client: pg.Client, { database, actor, to }: ApplyRewindOptions): Promise<void> {
  const said: Actor = {
    ...actor,
    via: actor.via ?? 'rewind',
    reason: actor.reason ?? `rewind to ${describeTarget(to)}`,
  }
  await client.query(toQuery(actorStatement(database.actors, said)))
}

async function lockTables(client: pg.Client, options: ApplyRewindOptions): Promise<void> {
  const { database, lockMilliseconds = 5_000 } = options
  const tables = await readTableShapes(client)
  if (tables.length === 0) return
  await client.query("select set_config('lock_timeout', $1, true)", [String(lockMilliseconds)])
  const names = tables.map((table) => table.sql).join(', ')
  await client.query(`lock table ${names} in share row exclusive mode`).catch((cause: unknown) => {
    throw rewindErrors.rewind_busy({ system: database.system }, cause)
  })
}

async function restore(
  client: pg.Client,
  options: ApplyRewindOptions,
  preview: RewindPreview,
): Promise<void> {
  const { database, key, tenant, to } = options
  const touched = new Set(preview.tables.map(({ table }) => table))
  const locked = await readTableShapes(client)
  const tables = locked.filter(({ relation }) => touched.has(relation))
  await collectImages(client, tenant, preview.sequence)
  for (const table of tables) {
    await refuseMovedRows(client, table, tenant)
    await refuseNewColumns(client, table, describeTarget(to))
    await openImages(client, database, key, table)
    await refuseLossyColumns(client, table, describeTarget(to))
  }
  for (const table of tables) await removeRows(client, table)
  for (const table of tables) await insertRows(client, table)
  await client.query('set constraints all immediate')
  const shapes = new Map(tables.map((table) => [table.relation, table]))
  const lockedTables = new Set(locked.map(({ relation }) => relation))
  for (const foreignKey of await readForeignKeys(client, [...touched]))
    await checkForeignKey(client, foreignKey, shapes, lockedTables)
  for (const table of tables) await checkDeferrableKeys(client, table)
}

/** What waiting for others comes to: lock_not_available, deadlock_detected. */
const busy = ['55P03', '40P01']
/** Among others: row security that would hide rows, with `row_security` off. */
const insufficientPrivilege = '42501'

/** SQLSTATE class 23: a unique, exclusion, not-null or check constraint. */
function explain(error: unknown, system: string): unknown {
  if (busy.some((code) => hasCode(error, code))) return rewindErrors.rewind_busy({ system }, error)
  if (hasCode(error, insufficientPrivilege))
    return rewindErrors.rewind_forbidden({ problem: messageOf(error) }, error)
  if (!(error instanceof pg.DatabaseError) || !error.code?.startsWith('23')) return error
  return rewindErrors.rewind_conflict(
    { problem: [error.message, error.detail].filter(Boolean).join('. ') },
    error,
  )
}
