import { readConfig } from '@plinth/platform/kernel'
import { type KeysOffer, keysOffer, type NewKey } from '@plinth/platform/keys'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { readStatus } from '../attach/status-file.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

interface CreateOptions {
  readonly permission?: readonly string[]
  readonly tenant?: string
  readonly user?: string
  readonly limit?: number
  readonly expires?: string
  readonly service?: boolean
  readonly json?: boolean
}

interface ShowOptions {
  readonly json?: boolean
}

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('API keys by which other programs call a project')
    .argument('[system]', 'whose address and public key --env prints; default: the only one that runs')
    .addOption(new Option('--env <format>', 'print what an app reads from its environment').choices(['vite']))
    .action(printEnvironment)
  keys
    .command('create')
    .description('make a key; it is printed this once')
    .argument('<system>')
    .argument('<name>', 'whose key it is, for people')
    .option('--permission <names...>', 'what it may do: orders:read')
    .option('--tenant <key>', 'only for this tenant')
    .option('--user <id>', 'acts as this user')
    .option('--limit <calls>', 'calls in an hour', readCount)
    .option('--expires <instant>', 'as 2026-01-15T12:00:00Z')
    .option('--service', 'acts as the service role')
    .option('--json', 'as JSON')
    .action(create)
  keys
    .command('list')
    .description('the keys, without their texts')
    .argument('<system>')
    .option('--tenant <key>', 'only of this tenant')
    .option('--json', 'as JSON')
    .action(list)
  keys
    .command('revoke')
    .description('end a key at once and for good')
    .argument('<system>')
    .argument('<id>')
    .action(revoke)
  keys
    .command('rotate')
    .description('give a key another text, printed this once; the old one is valid for a while')
    .argument('<system>')
    .argument('<id>')
    .option('--overlap <seconds>', 'how long the old text is valid', readCount, 86_400)
    .option('--json', 'as JSON')
    .action(rotate)
  keys
    .command('reveal')
    .description('print a key that was made by SQL, once and within 24 hours')
    .argument('<system>')
    .argument('<id>')
    .action(reveal)
  keys
    .command('usage')
    .description('calls of a key by hour, or by day')
    .argument('<system>')
    .argument('<id>')
    .requiredOption('--since <instant>', 'as 2026-01-15T12:00:00Z')
    .option('--days', 'by day')
    .option('--json', 'as JSON')
    .action(usage)
}

/** What Vite reads from `.env.local`; the service key is not for apps. */
async function printEnvironment(system: string | undefined, { env }: { env?: 'vite' }, command: Command) {
  if (!env) command.help({ error: true })
  const { systems } = await readStatus(readConfig().dataDir)
  const names = Object.keys(systems)
  const name = system ?? (names.length === 1 ? names[0] : undefined)
  const project = name === undefined ? undefined : systems[name]
  if (!project) throw new InvalidArgumentError(`Name one of the systems that run: ${names.join(', ')}.`)
  process.stdout.write(`VITE_SUPABASE_URL=${project.api_url}\nVITE_SUPABASE_ANON_KEY=${project.anon_key}\n`)
}

function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number.')
  return Number(text)
}

const withKeys = <T>(system: string, work: (keys: KeysOffer) => Promise<T>, asServed = false): Promise<T> =>
  onProject(system, (project) => work(project.offer(keysOffer)), { asServed })

async function create(system: string, name: string, options: CreateOptions): Promise<void> {
  const { permission = [], tenant, user, limit, expires, service, json } = options
  const wanted: NewKey = {
    name,
    permissions: permission,
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { userId: user }),
    ...(limit === undefined ? {} : { rateLimit: limit }),
    ...(expires === undefined ? {} : { expiresAt: parseInstant(expires) }),
    ...(service === undefined ? {} : { service }),
  }
  printKey(await withKeys(system, (keys) => keys.create(wanted)), json)
}

function printKey(shown: { readonly id: string; readonly key: string }, json = false): void {
  process.stdout.write(json ? `${JSON.stringify(shown)}\n` : `id: ${shown.id}\nkey: ${shown.key}\n`)
}

async function list(system: string, { tenant, json }: ShowOptions & { tenant?: string }): Promise<void> {
  const found = await withKeys(system, (keys) => keys.list(tenant === undefined ? {} : { tenant }), true)
  printRows(
    found.map((key) => ({ ...key })),
    json ? { json } : {},
  )
}

async function revoke(system: string, id: string): Promise<void> {
  const revoked = await withKeys(system, (keys) => keys.revoke(id))
  process.stdout.write(revoked ? 'revoked\n' : 'there is no such key\n')
  process.exitCode = revoked ? 0 : 1
}

async function rotate(
  system: string,
  id: string,
  { overlap, json }: ShowOptions & { overlap: number },
): Promise<void> {
  printKey(await withKeys(system, (keys) => keys.rotate(id, { overlapSeconds: overlap })), json)
}

async function reveal(system: string, id: string): Promise<void> {
  process.stdout.write(`${await withKeys(system, (keys) => keys.reveal(id))}\n`)
}

async function usage(
  system: string,
  id: string,
  { since, days, json }: ShowOptions & { since: string; days?: boolean },
): Promise<void> {
  const options = { since: parseInstant(since), by: days ? ('day' as const) : ('hour' as const) }
  const found = await withKeys(system, (keys) => keys.usage(id, options), true)
  printRows(
    found.map((row) => ({ ...row })),
    json ? { json } : {},
  )
}
