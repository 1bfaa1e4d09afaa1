/** The server under test, in a process of its own: every system, watched from inside. Speaks to its parent by IPC. */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { library } from '@plinth/library'
import { notes } from '@plinth/notes'
import { createLog, readConfig, systemClock } from '@plinth/platform/kernel'
import { keysOffer } from '@plinth/platform/keys'
import { startServer } from '@plinth/server'
import { systems as hosted } from '@plinth/server/systems'
import { watchEventLoop } from '@plinth/testing/event-loop'
import { everything } from './everything.ts'
import type { Readings, Started } from './served.ts'

const open = new Set<Socket>()
subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket }
  open.add(socket)
  socket.once('close', () => open.delete(socket))
})

const systems = [...hosted, notes, library, everything]
const server = await startServer({
  config: readConfig(
    process.env,
    undefined,
    systems.map(({ name }) => name),
  ),
  systems,
  clock: systemClock,
  log: createLog('error'),
  onEngineLost: () => process.exit(1),
  // All of them are attacked: on a busy machine the last one takes its time.
  startPatience: 600_000,
})
const missing = Object.entries(server.unavailable)
if (missing.length > 0) throw new Error(`not started: ${JSON.stringify(missing)}`)
const watch = watchEventLoop()
process.on('message', (question: 'read' | 'settle') => {
  if (question === 'settle') global.gc?.()
  process.send!(read())
})
process.on('disconnect', () => void server.stop())
const opened = server.projects.map(({ name, keys }) => [
  name,
  { anon: keys.anonKey, service: keys.serviceRoleKey },
])
const made = server.projects
  .filter(({ name }) => ['everything', 'rekon30'].includes(name))
  .map(async (project) => {
    const wanted = { name: 'fuzz', permissions: ['*:read', 'kv:read', 'kv:write'] }
    return [project.name, (await project.offer(keysOffer).create(wanted)).key] as const
  })
process.send!({
  port: server.port,
  keys: Object.fromEntries(opened),
  secretKeys: Object.fromEntries(await Promise.all(made)),
} satisfies Started)

function read(): Readings {
  const { heapUsed, external, rss } = process.memoryUsage()
  const busy = server.projects.reduce((sum, { database }) => sum + database.usage().requests.busy, 0)
  return { longestTurn: watch.longestTurn(), memory: heapUsed + external, rss, sockets: open.size, busy }
}
