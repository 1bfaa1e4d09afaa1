/** A server with the notes example, for tests that kill it. Prints its address when it is ready. */
import { notes } from '@plinth/notes'
import { createLog, readConfig, systemClock } from '@plinth/platform/kernel'
import { startServer } from '../src/serve/start-server.ts'

const server = await startServer({
  config: readConfig(),
  systems: [notes],
  clock: systemClock,
  log: createLog('silent'),
  onEngineLost: () => process.exit(1),
})
const { keys } = server.projects[0]!
process.stdout.write(`${JSON.stringify({ url: server.url, serviceRoleKey: keys.serviceRoleKey })}\n`)
process.once('SIGTERM', () => void server.stop())
