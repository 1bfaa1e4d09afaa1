import type { IncomingMessage } from 'node:http'
import { Hono } from 'hono'
import { WebSocketServer } from 'ws'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { httpErrors, type ProjectKeys, type Surface, type SurfaceEnv, type Upgrade } from '../http/index.ts'
import { AppError, type Clock, type Log, messageOf, newId } from '../kernel/index.ts'
import { createBroadcastDesk } from './broadcast/broadcast-desk.ts'
import { createBroadcastRoutes } from './broadcast/broadcast-routes.ts'
import { readSqlBroadcasts } from './broadcast/sql-broadcasts.ts'
import type { ChangeFeed } from './change-feed.ts'
import { createChangeHub } from './changes/change-hub.ts'
import { createCheckFunctions } from './changes/check-function.ts'
import { createTableCatalogue } from './changes/describe-table.ts'
import { createJudge } from './changes/judge.ts'
import type { RealtimeProject } from './channels/realtime-project.ts'
import { createRooms } from './channels/rooms.ts'
import { type ConnectionChannels, serveConnection } from './channels/serve-connection.ts'
import { type Connection, openConnection } from './connections/connection.ts'
import { realtimeErrors } from './errors.ts'
import { createBucket, defaultLimits, type RealtimeLimits } from './limits.ts'
import { createChangeSource } from './nodes/change-source.ts'
import { createLonelyLink } from './nodes/node-link.ts'
import { createRedisNodes } from './nodes/redis-nodes.ts'
import { createPresenceDesk } from './presence/presence-desk.ts'
import { isVersion } from './protocol/client-message.ts'
import { carryAnnouncedTables } from './publish-tables.ts'

export interface RealtimeOptions {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<RealtimeLimits>
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
  /** Tells every client that the server goes away, and lets go of everything. */
  stop(): Promise<void>
}

export interface RealtimeHealth {
  readonly connections: number
  readonly channels: number
}

/** How often tokens, idle connections, watchers' positions and new tables are looked after, milliseconds. */
const every = { token: 250, position: 15_000, table: 5_000, partition: 6 * 3_600_000 }
const goingAway = 1001

export function createRealtimeSurface(options: RealtimeOptions): RealtimeSurface {
  const { database, keys, feed, clock, log } = options
  const limits = { ...defaultLimits, ...options.limits }
  const nodes = options.redisUrl
    ? createRedisNodes({ url: options.redisUrl, project: keys.ref, node: newId(), log })
    : undefined
  const link = nodes?.link ?? createLonelyLink(newId())
  const rooms = createRooms()
  const broadcasts = createBroadcastDesk(rooms, link)
  const presence = createPresenceDesk(rooms, link)
  const carry = () => carryAnnouncedTables(database, log)
  const catalogue = createTableCatalogue({ database, carry })
  const functions = createCheckFunctions(database)
  const judge = createJudge({ database, functions, policyMilliseconds: limits.policyMilliseconds, log })
  const changes = createChangeHub({
    database,
    catalogue,
    judge,
    limits,
    log,
    onBehind: () => source.nudge(),
    onMessages: (transaction) => {
      for (const { room, broadcast } of readSqlBroadcasts(transaction)) broadcasts.deliver(room, broadcast)
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
    publicChannels: options.publicChannels ?? true,
    rooms,
    broadcasts,
    presence,
    changes,
    catalogue,
    judge,
    armed: source.armed,
    joins: createBucket(limits.joinsPerSecond.project, limits.joinsPerSecond.project * 10),
    events: createBucket(limits.eventsPerSecond.project, limits.eventsPerSecond.project * 2),
  }
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
  })
  webSockets.on('wsClientError', ({ message }) => {
    throw realtimeErrors.malformed_handshake({ problem: message })
  })
  const connections = new Map<Connection, ConnectionChannels>()
  const timers: NodeJS.Timeout[] = []

  async function admit({ request, socket, head, path, query }: Upgrade): Promise<void> {
    if (path !== '/websocket') throw httpErrors.not_found({ path: `/realtime/v1${path}` })
    const version = query.get('vsn') ?? '1.0.0'
    if (!isVersion(version)) throw realtimeErrors.unsupported_protocol({ version: version.slice(0, 20) })
    const apiKey = query.get('apikey') ?? headerOf(request, 'apikey')
    if (!apiKey) throw httpErrors.missing_key()
    await keys.verify(apiKey, clock).catch((cause: unknown) => {
      throw httpErrors.invalid_key({}, cause)
    })
    if (connections.size >= limits.connections)
      throw realtimeErrors.too_many_connections({ limit: limits.connections })
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = openConnection({ socket, webSocket, version, apiKey, limits, log }, (opened) => {
        const channels = serveConnection(project, opened)
        connections.set(opened, channels)
        return {
          message: channels.message,
          closed: () => {
            connections.delete(opened)
            channels.closed()
          },
        }
      })
      if (stopped) connection.close(goingAway, 'the server is stopping')
    })
  }
  let stopped = false

  function lookAfterConnections(): void {
    const now = clock.now().getTime()
    for (const [connection, channels] of connections) {
      channels.expire(now)
      connection.closeIfIdle()
    }
  }

  /** Who listens to all tables of a schema also gets those that are added while it does. */
  function carryNewTables(): void {
    if (!changes.followsWholeSchemas()) return
    carry().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'new tables could not be looked for')
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
        setInterval(lookAfterConnections, every.token),
        setInterval(changes.tellPositions, every.position),
        setInterval(carryNewTables, every.table),
        setInterval(keepPartitions, every.partition),
      )
      for (const timer of timers) timer.unref()
    },
    handleUpgrade: admit,
    health: () => ({
      connections: connections.size,
      channels: [...rooms.all()].reduce((sum, room) => sum + room.members.size, 0),
    }),
    stop: async () => {
      stopped = true
      for (const timer of timers) clearInterval(timer)
      for (const connection of [...connections.keys()]) connection.close(goingAway, 'the server is stopping')
      presence.stop()
      await source.stop()
      await changes.stop()
      await link.stop()
    },
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

const bodyOf = (error: AppError): string =>
  JSON.stringify({ error: error.message, code: error.code, hint: error.hint })

/** supabase-js reads `error`. */
function renderRealtimeError(error: unknown, requestId: string): Response {
  const shown = error instanceof AppError ? error : httpErrors.internal({ request_id: requestId }, error)
  return new Response(bodyOf(shown), {
    status: shown.status,
    headers: { 'content-type': 'application/json' },
  })
}
