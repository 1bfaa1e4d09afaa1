/** The server under test, in a process of its own: notes and shops, watched from inside. Speaks to its parent by IPC. */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { notes } from '@plinth/notes'
import { createLog, readConfig, systemClock } from '@plinth/platform/kernel'
import { startServer } from '@plinth/server'
import { shops } from '@plinth/shops'
import { watchEventLoop } from '@plinth/testing/event-loop'
import type { Readings, Started } from './served.ts'

const open = new Set<Socket>()
subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket }
  open.add(socket)
  socket.once('close', () => open.delete(socket))
})

const server = await startServer({
  config: readConfig(),
  systems: [notes, shops],
  clock: systemClock,
  log: createLog('error'),
  onEngineLost: () => process.exit(1),
})
const watch = watchEventLoop()
process.on('message', (question: 'read' | 'settle') => {
  if (question === 'settle') global.gc?.()
  process.send!(read())
})
process.on('disconnect', () => void server.stop())
const systems = server.projects.map(({ name, keys }) => [
  name,
  { anon: keys.anonKey, service: keys.serviceRoleKey },
])
process.send!({ port: server.port, keys: Object.fromEntries(systems) } satisfies Started)

function read(): Readings {
  const { heapUsed, external, rss } = process.memoryUsage()
  const busy = server.projects.reduce((sum, { database }) => sum + database.usage().requests.busy, 0)
  return { longestTurn: watch.longestTurn(), memory: heapUsed + external, rss, sockets: open.size, busy }
}
