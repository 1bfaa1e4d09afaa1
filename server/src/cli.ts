/** The `plinth` command. */
import { AppError } from '@plinth/platform/kernel'
import { Command } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { addCommands } from './commands/commands.ts'
import { exitOnSignals } from './terminal/until-asked-to-stop.ts'

const settings = `
Settings (environment variables):
  PLINTH_PORT                     port to listen on (54321)
  PLINTH_HOST                     address to listen on (127.0.0.1)
  PLINTH_PUBLIC_URL               address that clients use, when a proxy stands in front
  PLINTH_TRUSTED_PROXIES          reverse proxies whose X-Forwarded-For is believed (0)
  PLINTH_DATA_DIR                 data folder (./data, inside the repository always the repository's)
  PLINTH_LOG                      trace, debug, info, warn, error or silent (warn)
  DATABASE_URL, DIRECT_URL        an administrator's address of an existing PostgreSQL >= 15;
                                  DIRECT_URL is the one that does not pass a pooler
  PLINTH_<SYSTEM>_DATABASE_URL    the same for one system, with PLINTH_<SYSTEM>_DIRECT_URL
  PLINTH_<SYSTEM>_<SETTING>       a setting of one system: plinth settings list <system>
  REDIS_URL                       fan-out between several nodes`

const program = new Command('plinth')
  .description('A self-hosted backend for small businesses’ apps.')
  .version(`Plinth ${manifest.version}`)
  .addHelpText('after', settings)
  .showHelpAfterError()

exitOnSignals()
try {
  await addCommands(program, process.argv.slice(2))
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exitCode = 1
}

/** Milliseconds after which what still runs (a job that does not end) is not waited for. */
const lastPatience = 5_000
setTimeout(() => process.exit(), lastPatience).unref()

/** One clear message with what to do next; the stack only for what nobody foresaw. */
function explain(error: unknown): string {
  if (error instanceof AppError) return `plinth: ${error.message}\n${error.hint} [${error.code}]`
  return `plinth: ${error instanceof Error ? error.stack : String(error)}`
}
