/** A server with five projects, for the bench: the notes example under five names. Stops on SIGTERM. */
import { notes } from '@plinth/notes'
import { createLog, readConfig, systemClock } from '@plinth/platform/kernel'
import { defineSystem } from '@plinth/platform/system'
import { startServer } from '@plinth/server'

const systems = ['one', 'two', 'three', 'four', 'five'].map((name) =>
  defineSystem({ ...notes, name, functions: [], jobs: notes.jobs }),
)
const server = await startServer({
  config: readConfig(),
  systems,
  clock: systemClock,
  log: createLog('error'),
  onEngineLost: () => process.exit(1),
})
process.stdout.write(`ready at ${server.url}\n`)
process.once('SIGTERM', () => void server.stop())
