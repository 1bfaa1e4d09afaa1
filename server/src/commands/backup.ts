import {
  type BackupRecord,
  type BackupsOffer,
  backupsOffer,
  type RestoreChoice,
  type RestorePreview,
} from '@plinth/platform/backups'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import type { CommandProject } from '../attach/with-project.ts'
import { serverErrors } from '../errors.ts'
import { askConsent } from '../terminal/ask.ts'
import { printRows } from '../terminal/print-rows.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'

interface Shown {
  readonly json?: boolean
}

interface CreateOptions extends Shown {
  readonly project?: boolean
  readonly full?: boolean
  readonly label?: string
}

interface RestoreOptions extends Shown {
  readonly tables?: readonly string[]
  readonly ids?: readonly string[]
  readonly as?: string
  readonly leaveMoved?: boolean
  readonly rehearsal?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

const tenantArgument = 'key of the tenant’s root row; "" for what belongs to no tenant'

export function addBackupCommand(program: Command): void {
  const parent = program
    .command('backup')
    .description('take, prove and restore backups of tenants and of whole projects')
  parent
    .command('create')
    .description('back a tenant up now, or every tenant')
    .argument('<system>')
    .argument('[tenant]', `${tenantArgument}; default: every tenant`)
    .option('--project', 'the whole project: accounts, files, jobs, keys and settings')
    .option('--full', 'all rows, also where the journal would allow what changed alone')
    .option('--label <text>', 'what it is for')
    .option('--json', 'as JSON')
    .action((system: string, tenant: string | undefined, options: CreateOptions) =>
      onBackups(system, (offer) => create(offer, tenant, options)),
    )
  parent
    .command('list')
    .description('which backups there are, the newest first')
    .argument('<system>')
    .argument('[tenant]', tenantArgument)
    .option('--limit <count>', 'at most so many', '50')
    .option('--json', 'as JSON')
    .action((system: string, tenant: string | undefined, options: Shown & { limit: string }) =>
      onBackups(system, async (offer) => {
        const found = await offer.list({ tenant, limit: Number(options.limit) })
        printRows(options.json ? found.map((each) => ({ ...each })) : found.map(lineOf), options)
      }),
    )
  parent
    .command('status')
    .description('how the backups of each tenant do: the last slot, rehearsals, failures, room')
    .argument('<system>')
    .argument('[tenant]', tenantArgument)
    .option('--json', 'as JSON')
    .action((system: string, tenant: string | undefined, options: Shown) =>
      onBackups(system, async (offer) => {
        printRows(
          (await offer.status(tenant)).map((each) => ({ ...each })),
          options,
        )
      }),
    )
  parent
    .command('verify')
    .description('read every byte of a backup and of those it stands on')
    .argument('<system>')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action((system: string, id: string, options: Shown) =>
      onBackups(system, async (offer) => {
        const found = await offer.verify(id)
        printRows([{ ...found }], options)
        if (!found.isSound) process.exitCode = 1
      }),
    )
  parent
    .command('rehearse')
    .description('restore a backup into a scratch database, and look whether all of it is there')
    .argument('<system>')
    .argument('<id>')
    .option('--json', 'print the signed receipt')
    .action((system: string, id: string, options: Shown) =>
      onBackups(system, async (offer) => {
        const signed = await offer.rehearse(id)
        const { receipt } = signed
        if (options.json) process.stdout.write(`${JSON.stringify(signed, null, 2)}\n`)
        else {
          printRows(
            receipt.tables.map((table) => ({ ...table })),
            {},
          )
          process.stdout.write(
            `${receipt.outcome}${receipt.problem === null ? '' : `: ${receipt.problem}`}\n`,
          )
        }
        if (receipt.outcome === 'failed') process.exitCode = 1
      }),
    )
  addRestore(parent)
  parent
    .command('prune')
    .description('remove the backups that the retention does not keep')
    .argument('<system>')
    .option('--dry-run', 'show which, and remove nothing')
    .option('--json', 'as JSON')
    .action((system: string, options: Shown & { dryRun?: boolean }) =>
      onBackups(system, async (offer) => {
        const pruned = await offer.prune({ isDryRun: options.dryRun ?? false })
        const shown = options.json ? { ...pruned } : { ...pruned, removed: pruned.removed.length }
        printRows([shown], options)
      }),
    )
}

function addRestore(parent: Command): void {
  parent
    .command('restore-project')
    .description('bring a whole project back on a machine that has nothing but its sealing key')
    .argument('<system>')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((system: string, options: RestoreOptions) =>
      onBackups(system, (offer, project) => restoreWhole(offer, project, options)),
    )
  parent
    .command('key')
    .description('print the key without which backups cannot be opened, to be kept where the machine is not')
    .argument('<system>')
    .action((system: string) =>
      onProject(system, async (project) => void process.stdout.write(`${project.sealingKey}\n`)),
    )
  parent
    .command('restore')
    .description('put a backup back into place, or beside it as another tenant; shows first what changes')
    .argument('<system>')
    .argument('<id>')
    .option('--tables <names...>', 'only these tables')
    .option('--ids <keys...>', 'only rows with these keys')
    .option('--as <tenant>', 'as a new tenant of this key')
    .option('--leave-moved', 'leave rows where they are that belong to another tenant today')
    .option('--no-rehearsal', 'do not restore it on trial before')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((system: string, id: string, options: RestoreOptions) =>
      onBackups(system, (offer) => restore(offer, id, options)),
    )
}

const onBackups = (system: string, work: (offer: BackupsOffer, project: CommandProject) => Promise<void>) =>
  onProject(system, (project) => project.withTail(() => work(project.offer(backupsOffer), project)), {
    asServed: true,
  })

async function create(
  offer: BackupsOffer,
  tenant: string | undefined,
  { project, full, label, json }: CreateOptions,
): Promise<void> {
  if (project)
    return printRows([lineOf(await offer.createOfProject({ by: 'plinth backup' }))], { json: json ?? false })
  const tenants = tenant === undefined ? await offer.tenants() : [tenant]
  const bar = createProgressBar('backup')
  const made: BackupRecord[] = []
  try {
    for (const each of tenants) {
      bar.show({ phase: 'tenants', done: made.length, total: tenants.length })
      made.push(await offer.create({ tenant: each, kind: full ? 'full' : 'auto', label }, 'plinth backup'))
    }
  } finally {
    bar.stop()
  }
  printRows(json ? made.map((each) => ({ ...each })) : made.map(lineOf), { json: json ?? false })
}

const lineOf = ({
  id,
  tenant,
  status,
  kind,
  trigger,
  takenAt,
  rows,
  bytes,
  rehearsal,
  label,
  error,
}: BackupRecord) => ({
  id,
  tenant,
  status,
  kind,
  trigger,
  taken: takenAt?.toISOString() ?? '',
  rows,
  bytes,
  rehearsal,
  note: error ?? label,
})

async function restore(offer: BackupsOffer, id: string, options: RestoreOptions): Promise<void> {
  const { tables, ids, as, leaveMoved, json } = options
  const rehearse = options.rehearsal === false ? false : undefined
  const choice: RestoreChoice = { id, tables, ids, as, leaveMoved, rehearse }
  const preview = await offer.preview(choice)
  if (options.dryRun || !json) show(preview, options)
  if (options.dryRun) return
  await confirm(options)
  const applied = await offer.restore(choice, operator(id))
  if (json) return void process.stdout.write(`${JSON.stringify(applied, null, 2)}\n`)
  process.stderr.write(`Done: restore ${applied.restore}.\n`)
}

/** Into a database that nobody works with: what it has is replaced. */
async function restoreWhole(
  offer: BackupsOffer,
  { served, system }: CommandProject,
  options: RestoreOptions,
) {
  if (served) throw serverErrors.restore_while_served({ system: system.name })
  await confirm(options)
  const { backup, tenants, adopted, refused, ...done } = await offer.restoreProject()
  if (options.json)
    return void process.stdout.write(
      `${JSON.stringify({ backup, tenants, adopted, refused, ...done }, null, 2)}\n`,
    )
  process.stdout.write(`${adopted} backups found; the project as of ${backup.takenAt?.toISOString()}\n`)
  printRows([{ tables: done.tables, rows: done.rows, persons: done.persons, files: done.files.files }], {})
  printRows(
    tenants.map((each) => ({ ...each })),
    {},
  )
  for (const { file, problem } of refused) process.stderr.write(`${file}: ${problem}\n`)
  process.stderr.write(`Done. Start it: npm start -- ${system.name}\n`)
}

const operator = (id: string) => ({
  user: null,
  role: 'owner',
  requestId: null,
  via: 'plinth backup restore',
  reason: `backup ${id}`,
})

function show(preview: RestorePreview, { json }: Shown): void {
  if (json) return void process.stdout.write(`${JSON.stringify(preview, null, 2)}\n`)
  process.stdout.write(`${preview.tenant || 'what belongs to no tenant'} as of ${preview.takenAt}\n`)
  printRows(
    preview.tables.map((table) => ({ ...table })),
    {},
  )
  const notes = [
    ...preview.money.map(
      ({ table, column, before, after }) => `${table}.${column}: ${before} now, ${after} after`,
    ),
    ...preview.moved.map(({ table, key }) => `${table} ${key} belongs to another tenant today`),
    ...Object.entries(preview.kept).map(([table, rows]) => `${table}: ${rows} rows are facts and stay`),
    ...preview.lost.map(({ table, rows, as }) => `${table}: ${rows} rows outside the backup are ${as}`),
    ...(preview.erased > 0
      ? [`${preview.erased} rows are of persons who were erased: they stay erased`]
      : []),
  ]
  for (const note of notes) process.stdout.write(`${note}\n`)
}

async function confirm({ yes }: RestoreOptions): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !(await askConsent('Restore now? [y/N] ')))
    throw serverErrors.restore_not_confirmed()
}
