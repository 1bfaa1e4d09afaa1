import { Hono } from 'hono'
import type { Surface, SurfaceEnv, Upgrade } from '../http/index.ts'
import { createBroadcastRoutes } from './broadcast/broadcast-routes.ts'
import { serveConnection } from './channels/serve-connection.ts'
import { createConnections } from './connections/open-connections.ts'
import { openRealtimeProject, type RealtimeOptions } from './open-realtime-project.ts'
import { startPeriodicWork } from './periodic-work.ts'
import { renderRealtimeError } from './render-error.ts'

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

export function createRealtimeSurface(options: RealtimeOptions): RealtimeSurface {
  const project = openRealtimeProject(options)
  const { link, source, rooms, broadcasts, presence, changes } = project
  const connections = createConnections({
    ...project,
    serve: (connection) => serveConnection(project, connection),
  })
  let stopPeriodicWork = () => {}

  async function start(): Promise<void> {
    await link.start({
      broadcast: broadcasts.fromNode,
      presence: presence.fromNode,
      presenceOf: presence.allOfNode,
      nodeGone: presence.forgetNode,
      ownPresence: presence.own,
    })
    await source.start()
    stopPeriodicWork = startPeriodicWork(project, connections)
  }

  async function stop(): Promise<void> {
    stopPeriodicWork()
    connections.closeAll()
    presence.stop()
    await source.stop()
    await changes.stop()
    await link.stop()
  }

  const health = (): RealtimeHealth => ({
    connections: connections.count(),
    channels: [...rooms.all()].reduce((sum, room) => sum + room.members.size, 0),
  })

  const app = new Hono<SurfaceEnv>()
  app.route('/', createBroadcastRoutes(project))
  const surface = { path: '/realtime/v1', app, needsKey: () => true, renderError: renderRealtimeError }
  return { ...surface, handleUpgrade: connections.open, start, health, stop }
}
