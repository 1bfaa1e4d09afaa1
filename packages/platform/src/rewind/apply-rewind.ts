import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type Actor, actorStatement, type Statement, toQuery } from '../database/index.ts'
import { erasureLock } from '../journal/index.ts'
import { hasCode, newId } from '../kernel/index.ts'
import { cascadeRows } from './cascade-rows.ts'
import { checkDeferrableKeys, checkForeignKey } from './check-constraints.ts'
import { rewindErrors } from './errors.ts'
import { findRewind } from './find-rewind.ts'
import { countChanges, refuseMovedRows } from './gather-rows.ts'
import { holdRows, readHead } from './hold-rows.ts'
import { keepErased, openImages } from './open-images.ts'
import {
  explain,
  isBusy,
  type JudgedRows,
  judgeRows,
  type OpenRewind,
  type RewindOptions,
  type RewindPreview,
  shownMoves,
  withRewind,
} from './open-rewind.ts'
import { readForeignKeys } from './read-tables.ts'
import {
  chooseReplaced,
  insertRows,
  refuseLackingImages,
  refuseLossyColumns,
  removeRows,
  revertRows,
} from './restore-rows.ts'
import { describeTarget } from './rewind-point.ts'
import { switchTriggersOff } from './switch-triggers-off.ts'

export interface ApplyRewindOptions extends RewindOptions {
  /** Who wants it, as the journal will say. */
  readonly actor: Actor
  /** Bring what is derived from the tenant's rows in line with them, in the same transaction, as the owner. */
  readonly afterwards?: readonly Statement[]
  /** How long to wait for transactions that hold rows of the tenant, milliseconds. Default 5000. */
  readonly lockMilliseconds?: number
  /** True: rows that went from one tenant to another stay where they are. Default: the rewind is refused. */
  readonly leaveMoved?: boolean
  /** True: a tenant that was not there is removed with all it has. Default: the rewind is refused. */
  readonly removeTenant?: boolean
}

export interface AppliedRewind extends RewindPreview {
  /** Names the rewind; {@link findRewind} takes it. */
  readonly id: string
  /** False when the journal had not caught up with the rewind when the wait for it ended; the rewind holds all the same. */
  readonly journalled: boolean
  /** Rewinding to this number undoes the rewind; null when it is not journalled yet, or changed nothing. */
  readonly undoneBy: number | null
}

/**
 * Takes a tenant back to a point, in one transaction or not at all. Only the tenant's root row and the rows that are
 * rewound are held meanwhile: other tenants go on writing. Triggers are off, so nothing is sent or counted again; every
 * constraint holds afterwards. The rewind is journalled under `actor`. Once it is committed it is a success.
 *
 * Beside the failures of {@link previewRewind}: `rewind_busy`, `rewind_not_permitted`, `rewind_row_moved`,
 * `rewind_removes_tenant`, `rewind_conflict`, `rewind_orphans`, `rewind_forbidden`; nothing is changed then.
 */
export async function applyRewind(options: ApplyRewindOptions): Promise<AppliedRewind> {
  const id = newId()
  let last = 0
  const preview = await withRewind(
    options,
    (client) => begin(client, options, id),
    async (rewind) => {
      const { client } = rewind
      last = rewind.stretch.upTo
      // What takes long is done before anything is held.
      const first = await judgeRows(rewind)
      refuse(options, rewind, first)
      for (const table of first.tables) await openImages(client, options.database, options.key, table)
      const done = await attempt(rewind, options, first)
      await commit(client, options, id)
      return done
    },
  )
  return { ...preview, id, ...(await awaitJournal(options, id, last)) }
}

async function begin(client: pg.Client, options: ApplyRewindOptions, id: string): Promise<void> {
  const { database, actor, tenant, to } = options
  await switchTriggersOff(client, options.database)
  const reason = `${actor.reason ?? `rewind to ${describeTarget(to)}`} (${id})`
  await client.query(
    toQuery(actorStatement(database.actors, { ...actor, via: actor.via ?? 'rewind', reason })),
  )
  const { lockMilliseconds = patience } = options
  await client.query("select set_config('lock_timeout', $1, true)", [String(lockMilliseconds)])
  await client.query('select pg_advisory_xact_lock_shared($1)', [erasureLock])
  const { rows } = await client.query<{ alone: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('plinth rewind ' || $1, 0)) as alone`,
    [tenant],
  )
  if (!rows[0]!.alone) throw rewindErrors.rewind_busy({ tenant })
}

function refuse(options: ApplyRewindOptions, { point }: OpenRewind, judged: JudgedRows): void {
  if (!options.leaveMoved) refuseMovedRows(judged.moved)
  if (judged.removesTenant && !options.removeTenant)
    throw rewindErrors.rewind_removes_tenant({ tenant: options.tenant, to: point.name })
}

const patience = 5_000
/** Less than PostgreSQL's `deadlock_timeout`: whoever waits for us in a circle is not the one who is ended. */
const givesWayAfter = 700

/**
 * Holds the rows and restores them. Where somebody else holds one, everything is let go and tried again, until the
 * patience ends; so it is where the tenant wrote something meanwhile that the rewind met.
 */
async function attempt(
  rewind: OpenRewind,
  options: ApplyRewindOptions,
  first: JudgedRows,
): Promise<RewindPreview> {
  const { client } = rewind
  const { tenant, lockMilliseconds = patience } = options
  const until = performance.now() + lockMilliseconds
  await client.query("select set_config('lock_timeout', $1, true)", [
    String(Math.min(givesWayAfter, lockMilliseconds)),
  ])
  for (;;) {
    await client.query('savepoint attempt')
    const known = await readHead(client, tenant)
    try {
      return await restore(rewind, options, first)
    } catch (error) {
      await client.query('rollback to savepoint attempt')
      const told = explain(error, tenant)
      const isLate = performance.now() > until
      if (isLate || !(isBusy(error) || (await isMet(rewind, told, known)))) throw told
      await wait(givesWayMilliseconds)
    }
  }
}

const givesWayMilliseconds = 30

/** True for what the tenant's writes of just now may have led to. */
async function isMet({ client, options }: OpenRewind, error: unknown, known: number): Promise<boolean> {
  if (!hasCode(error, 'rewind_conflict') && !hasCode(error, 'rewind_orphans')) return false
  await options.tail.settle()
  return (await readHead(client, options.tenant)) !== known
}

async function restore(
  rewind: OpenRewind,
  options: ApplyRewindOptions,
  first: JudgedRows,
): Promise<RewindPreview> {
  const { client, root, point } = rewind
  const { database, key, tail } = options
  const stretch = await holdRows(client, {
    tail,
    root,
    stretch: rewind.stretch,
    tables: first.journalled,
  })
  const judged = await judgeRows({ ...rewind, stretch })
  refuse(options, rewind, judged)
  const { tables } = judged
  for (const table of tables) {
    await openImages(client, database, key, table)
    await keepErased(client, table)
    await refuseLackingImages(client, table, point.name)
    await refuseLossyColumns(client, table, point.name)
    await chooseReplaced(client, table)
  }
  for (const table of tables) await removeRows(client, table)
  for (const table of tables) await revertRows(client, table)
  for (const table of tables) await insertRows(client, table)
  await client.query('set constraints all immediate')
  const shapes = new Map(tables.map((table) => [table.relation, table]))
  const relations = [...shapes.keys()]
  const lost = await cascadeRows(client, relations, {
    tenant: options.tenant,
    tenantColumn: options.tenants?.column ?? null,
    journalled: new Set(judged.journalled.map(({ relation }) => relation)),
  })
  const gone = lost.filter(({ as }) => as === 'removed').map(({ table }) => table)
  const parents = new Set([...relations, ...gone])
  for (const foreignKey of await readForeignKeys(client, [...parents]))
    await checkForeignKey(client, foreignKey, shapes, parents)
  for (const table of tables) await checkDeferrableKeys(client, table)
  await client.query('set local enable_seqscan to default')
  for (const statement of options.afterwards ?? []) await client.query(toQuery(statement))
  const { counts, removesTenant } = judged
  // What was set aside then is not among the rows any more.
  const moved = [...first.moved, ...judged.moved]
  const kept = { ...judged.kept, ...first.kept }
  return {
    tenant: options.tenant,
    sequence: point.sequence,
    undone: await countChanges(client, stretch),
    tables: counts,
    lost,
    moved: moved.slice(0, shownMoves),
    kept,
    removesTenant,
  }
}

/** A connection that is lost while it commits leaves open whether it did: the journal knows. */
async function commit(client: pg.Client, options: ApplyRewindOptions, id: string): Promise<void> {
  try {
    await client.query('commit')
  } catch (error) {
    await options.tail.settle().catch(() => undefined)
    const found = await findRewind(options.database, options.tenant, id).catch(() => undefined)
    if (!found) throw error
  }
}

async function awaitJournal(
  { tail, database, tenant }: ApplyRewindOptions,
  id: string,
  after: number,
): Promise<Pick<AppliedRewind, 'journalled' | 'undoneBy'>> {
  try {
    await tail.settle()
    const found = await findRewind(database, tenant, id, after)
    return { journalled: true, undoneBy: found?.undoneBy ?? null }
  } catch {
    return { journalled: false, undoneBy: null }
  }
}
