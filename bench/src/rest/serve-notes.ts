/** A whole server with the notes example, for the storm; its first line says where it is and the keys. Ends on SIGTERM. */
import { notes } from '@plinth/notes'
import { createLog, readConfig, systemClock } from '@plinth/platform/kernel'
import { startServer } from '@plinth/server'

const server = await startServer({
  config: readConfig(),
  systems: [notes],
  clock: systemClock,
  log: createLog('error'),
  onEngineLost: () => process.exit(1),
})
const { anonKey, serviceRoleKey } = server.projects[0]!.keys
process.stdout.write(`${JSON.stringify({ url: `${server.url}/notes`, anonKey, serviceRoleKey })}\n`)
process.once('SIGTERM', () => void server.stop())
