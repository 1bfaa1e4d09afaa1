import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { ProjectKeys, Upgrade } from '../../http/index.ts'
import type { Clock, Log } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { ProjectLimits } from '../limits/project-limits.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import { admit } from './admit-connections.ts'
import { type Connection, type ConnectionHandler, openConnection } from './connection.ts'

/** What answers on a connection. */
export interface ServedConnection extends ConnectionHandler {
  /** Closes channels whose token has ended. */
  expire(now: number): void
}

/** All open connections of a project. */
export interface Connections {
  /** Opens the WebSocket that a client asks for. Fails with what `admit` fails with, or `malformed_handshake`. */
  open(upgrade: Upgrade): Promise<void>
  count(): number
  /** Closes what is idle or speaks for a token that has ended, and cuts off those for whom too much is kept. */
  lookAfter(): void
  /** Tells every client that the server goes away; nobody comes in any more. */
  closeAll(): void
}

export interface ConnectionsOptions {
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly log: Log
  readonly limits: RealtimeLimits
  readonly usage: ProjectLimits
  serve(connection: Connection): ServedConnection
}

const goingAway = 1001
const stopping = 'the server is stopping'

export function createConnections(options: ConnectionsOptions): Connections {
  const { keys, clock, log, limits, usage } = options
  const connections = new Map<Connection, ServedConnection>()
  let isStopped = false
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // One frame in one turn of the event loop: thousands of small ones may come in one packet.
    allowSynchronousEvents: false,
    maxPayload: limits.frameBytes,
  })
  webSockets.on('wsClientError', ({ message }) => {
    throw realtimeErrors.malformed_handshake({ problem: message })
  })

  function serve(connection: Connection): ConnectionHandler {
    const served = options.serve(connection)
    connections.set(connection, served)
    return {
      message: served.message,
      closed: () => {
        connections.delete(connection)
        served.closed()
      },
    }
  }

  return {
    open: async (upgrade) => {
      const { request, head } = upgrade
      const socket = upgrade.socket as Socket
      const { version, apiKey, address, leave } = await admit(
        { keys, clock, limits: limits.connections, quota: usage.connections },
        upgrade,
      )
      socket.once('close', leave)
      if (socket.destroyed) return leave()
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const receive = (bytes: number) => usage.receive({ address, user: null }, bytes)
        const connection = openConnection(
          { socket, webSocket, version, apiKey, address, limits, receive, log },
          serve,
        )
        if (isStopped) connection.close(goingAway, stopping)
      })
    },
    count: () => connections.size,
    lookAfter: () => {
      const now = clock.now().getTime()
      for (const [connection, served] of connections) {
        served.expire(now)
        connection.closeIfIdle()
      }
      cutOffLargest(connections.keys(), limits.waitingBytesOfAddress)
    },
    closeAll: () => {
      isStopped = true
      for (const connection of [...connections.keys()]) connection.close(goingAway, stopping)
    },
  }
}

/** Where an address makes the server keep more than `limit` bytes, those of its connections that hold most are cut off. */
function cutOffLargest(connections: Iterable<Connection>, limit: number): void {
  const holding = [...connections].filter(({ address, waitingBytes }) => address !== null && waitingBytes > 0)
  for (const of of Map.groupBy(holding, ({ address }) => address).values()) {
    const sizes = of.map((connection) => ({ connection, bytes: connection.waitingBytes }))
    let sum = sizes.reduce((total, { bytes }) => total + bytes, 0)
    for (const { connection, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
      if (sum <= limit) break
      connection.cutOff()
      sum -= bytes
    }
  }
}
