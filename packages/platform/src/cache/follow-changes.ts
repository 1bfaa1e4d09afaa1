import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Log, messageOf } from '../kernel/index.ts'
import type { DurableConsumer, LiveConsumer, RowChange, TransactionChunk } from '../tail/index.ts'
import { invalidate } from './stored-answers.ts'

/** Everything depends on this tag. */
export const everything = '*'
/** More things than this in one step, and all answers go. */
const mostTags = 2_000

/** A table's rows, or those of one tenant in it. */
export const tagOf = (table: string, tenant?: string): string =>
  tenant === undefined ? table : `${table}/${tenant}`

export interface FollowOptions {
  readonly database: ProjectDatabase
  readonly log: Log
  /** The column of a table that names its tenant; undefined where it has none. */
  tenantColumn(table: string): string | undefined
  /** Called at once, before other nodes hear of it. */
  forget(tags: readonly string[]): void
  /** Names this node. */
  readonly node: string
  /** Milliseconds between two signs that the stream is followed. */
  readonly pulse: number
}

/** What makes answers invalid on the node that holds the stream. */
export interface ChangeFollower {
  readonly live: LiveConsumer
  /** The stream forgets no change before all nodes have been told of it. */
  readonly durable: DurableConsumer
  close(): void
}

export const aliveSignal = 'alive'
export const lostSignal = 'lost'

/**
 * Tells all nodes which tables and tenants changed, a few milliseconds after the stream brings it: one statement at a
 * time, with everything that came while the one before was under way.
 */
export function followChanges(options: FollowOptions): ChangeFollower {
  const { database, log, tenantColumn, forget, node, pulse } = options
  let waiting = new Set<string>()
  let telling: Promise<void> | undefined
  let beating: NodeJS.Timeout | undefined
  let isHeld = false
  /** False while a change is known here that nobody else was told of. */
  let isTold = true

  function note(tags: ReadonlySet<string>): void {
    if (tags.size === 0) return
    forget([...tags])
    for (const tag of tags) waiting.add(tag)
    if (waiting.size > mostTags) waiting = new Set([everything])
    telling ??= tell().finally(() => {
      telling = undefined
    })
    telling.catch(() => undefined)
  }

  async function tell(): Promise<void> {
    while (waiting.size > 0) {
      const tags = waiting
      waiting = new Set()
      try {
        await invalidate(database, [...tags], node)
        // Until the commit a stored answer was still valid, and may be in memory again.
        forget([...tags])
        isTold = true
      } catch (error) {
        log.warn(
          { problem: messageOf(error) },
          'nodes could not be told of changes that cached answers depend on',
        )
        isTold = false
        for (const tag of tags) waiting.add(tag)
        throw error
      }
    }
  }

  /** Resolves when everything that the stream has brought is told; tries again what failed. */
  async function told(): Promise<void> {
    if (waiting.size > 0)
      telling ??= tell().finally(() => {
        telling = undefined
      })
    await telling
  }

  const signal = (payload: string) => {
    database.asOwner(sql`select pg_notify('plinth_cache', ${payload})`).catch(() => undefined)
  }

  const beat = () => {
    if (isTold) signal(aliveSignal)
  }

  return {
    live: {
      name: 'cache',
      handle: (chunk) => note(tagsOf(chunk, tenantColumn)),
      holding: (held) => {
        clearInterval(beating)
        if (held) beating = setInterval(beat, pulse).unref()
        if (held) beat()
        else if (isHeld) signal(lostSignal)
        isHeld = held
      },
      missed: () => note(new Set([everything])),
    },
    durable: {
      name: 'cache',
      // Nothing is derived that a repetition would harm: the stream begins where all others have stored.
      position: async () => null,
      // The live consumer has had every chunk before.
      handle: () => told(),
      missed: () => invalidate(database, [everything], node),
    },
    close: () => clearInterval(beating),
  }
}

function tagsOf(
  { changes, truncated }: TransactionChunk,
  tenantColumn: (table: string) => string | undefined,
): ReadonlySet<string> {
  const tags = new Set<string>()
  for (const { schema, table } of truncated) {
    // A truncate does not say whose rows went.
    if (schema === 'public') return new Set([everything])
    tags.add(`${schema}.${table}`)
  }
  for (const change of changes) addTags(tags, change, tenantColumn)
  return tags
}

function addTags(
  tags: Set<string>,
  { relation, before, after }: RowChange,
  tenantColumn: (table: string) => string | undefined,
): void {
  if (relation.schema !== 'public') return
  const { table } = relation
  tags.add(tagOf(table))
  const column = tenantColumn(table)
  if (column === undefined) return
  for (const image of [before, after]) {
    const tenant = image?.[column]
    if (typeof tenant === 'string') tags.add(tagOf(table, tenant))
  }
}
