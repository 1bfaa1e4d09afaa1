import { Hono } from 'hono'
import { type ProjectDatabase, sql } from '../database/index.ts'
import type { ProjectKeys, Surface, SurfaceEnv, Upgrade } from '../http/index.ts'
import { type Clock, type Log, messageOf, newId } from '../kernel/index.ts'
import { createBroadcastHub } from './broadcast/broadcast-hub.ts'
import { createBroadcastRoutes } from './broadcast/broadcast-routes.ts'
import { readSqlBroadcasts } from './broadcast/sql-broadcasts.ts'
import type { ChangeFeed } from './change-feed.ts'
import { createChangeHub } from './changes/change-hub.ts'
import { createTableCatalogue } from './changes/describe-table.ts'
import { createCheckFunctions } from './changes/policies/check-function.ts'
import { createPolicyCheck } from './changes/policies/check-policies.ts'
import type { RealtimeProject } from './channels/realtime-project.ts'
import { createRooms } from './channels/rooms.ts'
import { serveConnection } from './channels/serve-connection.ts'
import { createConnections } from './connections/open-connections.ts'
import { createProjectLimits } from './limits/project-limits.ts'
import { limitsSchema, type RealtimeLimitSettings } from './limits/realtime-limits.ts'
import { createChangeSource } from './nodes/change-source.ts'
import { createLonelyLink } from './nodes/node-link.ts'
import { createRedisNodes } from './nodes/redis-nodes.ts'
import { createPresenceHub } from './presence/presence-hub.ts'
import { carryAnnouncedTables } from './publish-tables.ts'
import { renderRealtimeError } from './render-error.ts'

export interface RealtimeOptions {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly log: Log
  /** What differs from the defaults. */
  readonly limits?: RealtimeLimitSettings
  /** Joins the project's nodes; undefined for a single one. */
  readonly redisUrl?: string | undefined
  /** False when only private channels may be joined. Default true. */
  readonly publicChannels?: boolean
}

/** Live channels of a project: broadcast, presence and database changes over Phoenix's protocol. */
export interface RealtimeSurface extends Surface {
  /** Listens to the stream of changes, and to other nodes. */
  start(): Promise<void>
  /** Takes over a connection that asked for `/realtime/v1/websocket`; rejects when it may not come in. */
  handleUpgrade(upgrade: Upgrade): Promise<void>
  health(): RealtimeHealth
  /** Tells every client that the server goes away, and closes everything. */
  stop(): Promise<void>
}

export interface RealtimeHealth {
  readonly connections: number
  readonly channels: number
}

/** Intervals of the periodic work, milliseconds. */
const every = {
  connections: 250,
  positions: 15_000,
  policies: 1_000,
  tables: 5_000,
  partitions: 6 * 3_600_000,
}

export function createRealtimeSurface(options: RealtimeOptions): RealtimeSurface {
  const { database, keys, feed, clock, log } = options
  const limits = limitsSchema.parse(options.limits ?? {})
  const usage = createProjectLimits(limits)
  const nodes = options.redisUrl
    ? createRedisNodes({ url: options.redisUrl, project: keys.ref, node: newId(), log })
    : undefined
  const link = nodes?.link ?? createLonelyLink(newId())
  const rooms = createRooms()
  const broadcasts = createBroadcastHub(rooms, link)
  const presence = createPresenceHub({ rooms, link, quota: usage.presence, limits: limits.presenceBytes })
  const carry = () => carryAnnouncedTables(database, log)
  const catalogue = createTableCatalogue({ database, carry })
  const functions = createCheckFunctions(database)
  const policies = createPolicyCheck({
    database,
    functions,
    policyMilliseconds: limits.policyMilliseconds,
    log,
  })
  const changes = createChangeHub({
    database,
    catalogue,
    policies,
    limits,
    log,
    onBehind: () => source.wake(),
    onMessages: (messages) => {
      for (const { room, broadcast } of readSqlBroadcasts(messages, {
        payloadBytes: limits.payloadBytes,
        log,
      }))
        broadcasts.deliver(room, broadcast)
    },
  })
  const source = createChangeSource({
    feed,
    relay: nodes?.relay,
    log,
    push: changes.push,
    broken: changes.broken,
  })
  const project: RealtimeProject = {
    database,
    keys,
    clock,
    log,
    limits,
    usage,
    publicChannels: options.publicChannels ?? true,
    rooms,
    broadcasts,
    presence,
    changes,
    catalogue,
    policies,
    armed: source.armed,
  }
  const connections = createConnections({
    keys,
    clock,
    log,
    limits,
    usage,
    serve: (connection) => serveConnection(project, connection),
  })
  const timers: NodeJS.Timeout[] = []

  /** Who listens to all tables of a schema also gets those that are added while it does. */
  function carryNewTables(): void {
    if (!changes.followsWholeSchemas()) return
    carry().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'new tables could not be looked for')
    })
  }

  function compareCopies(): void {
    changes.compareCopies().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'changed policies could not be looked for')
    })
  }

  function keepPartitions(): void {
    database.asOwner(sql`select realtime.keep_partitions()`).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'partitions of realtime.messages could not be kept')
    })
  }

  const app = new Hono<SurfaceEnv>()
  app.route('/', createBroadcastRoutes(project))
  return {
    path: '/realtime/v1',
    app,
    needsKey: () => true,
    renderError: renderRealtimeError,
    handleUpgrade: connections.open,
    start: async () => {
      await link.start({
        broadcast: broadcasts.fromNode,
        presence: presence.fromNode,
        presenceOf: presence.allOfNode,
        nodeGone: presence.forgetNode,
        ownPresence: presence.own,
      })
      await source.start()
      keepPartitions()
      timers.push(
        setInterval(connections.lookAfter, every.connections),
        setInterval(changes.tellPositions, every.positions),
        setInterval(carryNewTables, every.tables),
        setInterval(compareCopies, every.policies),
        setInterval(keepPartitions, every.partitions),
      )
      for (const timer of timers) timer.unref()
    },
    health: () => ({
      connections: connections.count(),
      channels: [...rooms.all()].reduce((sum, room) => sum + room.members.size, 0),
    }),
    stop: async () => {
      for (const timer of timers) clearInterval(timer)
      connections.closeAll()
      presence.stop()
      await source.stop()
      await changes.stop()
      await link.stop()
    },
  }
}
