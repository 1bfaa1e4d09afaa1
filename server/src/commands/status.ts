import { readConfig } from '@plinth/platform/kernel'
import { type Command, Option } from 'commander'
import { readStatus, type ServerStatus } from '../attach/status-file.ts'
import { bannerOf } from '../terminal/banner.ts'

interface StatusOptions {
  readonly json?: boolean
  readonly output?: string
}

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show addresses and keys of the running server')
    .option('--json', 'as JSON')
    .addOption(
      new Option('-o, --output <format>', 'as `supabase status -o` prints it').choices(['json', 'env']),
    )
    .action(async (options: StatusOptions) => {
      const status = await readStatus(readConfig().dataDir)
      process.stdout.write(`${render(status, options)}\n`)
    })
}

function render(status: ServerStatus, { json, output }: StatusOptions): string {
  if (json || output === 'json') return JSON.stringify({ systems: status.systems }, null, 2)
  return output === 'env' ? asEnvironment(status) : bannerOf(status)
}

/** Names as `supabase status -o env` prints them; with several systems each name starts with the system's. */
function asEnvironment({ systems }: ServerStatus): string {
  const entries = Object.entries(systems)
  return entries
    .flatMap(([name, project]) => {
      const prefix = entries.length > 1 ? `${name.toUpperCase()}_` : ''
      return [
        `${prefix}API_URL="${project.api_url}"`,
        `${prefix}ANON_KEY="${project.anon_key}"`,
        `${prefix}SERVICE_ROLE_KEY="${project.service_role_key}"`,
        `${prefix}DB_URL="${project.db_url}"`,
      ]
    })
    .join('\n')
}
