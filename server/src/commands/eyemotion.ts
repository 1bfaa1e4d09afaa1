import { manageEyemotion } from '@plinth/client'
import { sql } from '@plinth/platform/database'
import { readConfig } from '@plinth/platform/kernel'
import { type Command, InvalidArgumentError } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { readStatus } from '../attach/status-file.ts'
import { serverErrors } from '../errors.ts'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

const system = 'eyemotion'

export function addEyemotionCommand(program: Command): void {
  const eyemotion = program
    .command(system)
    .description('initialise eyemotion, see how it does, appoint its first admin')
  eyemotion
    .command('init')
    .description('make buckets, plans and what the database needs')
    .option('--force', 'also when it was done before; nothing is lost by it')
    .option('--price <plan=id...>', 'ids of prices at Stripe: creator=price_…')
    .action(init)
  eyemotion.command('health').description('how each part does now').option('--json', 'as JSON').action(health)
  eyemotion
    .command('monitor')
    .description('look again and again, until Ctrl-C')
    .option('--minutes <minutes>', 'between two looks', readMinutes, 5)
    .action(monitor)
  eyemotion
    .command('report')
    .description('health, history, alerts and activity on one page')
    .action(async () => void process.stdout.write(await (await management()).generateHealthReport()))
  eyemotion
    .command('backup')
    .description('take a backup of everything now, and list those that there are')
    .action(backup)
  eyemotion
    .command('admin')
    .description('make somebody who has an account a super admin')
    .argument('<email>')
    .action(appoint)
}

/** The running server, by the service key that its status file holds for the machine's owner. */
async function management() {
  const { systems } = await readStatus(readConfig().dataDir)
  const found = systems[system]
  if (!found) throw serverErrors.unknown_system({ name: system, known: Object.keys(systems).join(', ') })
  return manageEyemotion({ url: found.api_url, serviceRoleKey: found.service_role_key })
}

async function init({ force = false, price = [] }: { force?: boolean; price?: string[] }): Promise<void> {
  const prices = Object.fromEntries(price.map((pair) => pair.split('=', 2)))
  const done = await (await management()).initialize({ force, prices })
  process.stdout.write(`${JSON.stringify(done, null, 2)}\n`)
}

async function health({ json }: { readonly json?: boolean }): Promise<void> {
  const found = await (await management()).performHealthCheck()
  if (json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  else {
    process.stdout.write(`${found.overall}\n`)
    for (const [name, { status, milliseconds }] of Object.entries(found.components))
      process.stdout.write(`  ${name.padEnd(16)} ${status.padEnd(8)} ${milliseconds ?? '-'} ms\n`)
  }
  if (found.overall === 'critical') process.exitCode = 1
}

async function backup(): Promise<void> {
  const manage = await management()
  await manage.createFullBackup()
  for (const { id, status, bytes } of await manage.listBackups())
    process.stdout.write(`${id} ${status} ${bytes ?? '-'} bytes\n`)
}

async function monitor({ minutes }: { readonly minutes: number }): Promise<void> {
  const watching = (await management()).startMonitoring(minutes, ({ overall, timestamp, components }) => {
    const wrong = Object.entries(components).filter(([, { status }]) => status !== 'healthy')
    const parts = wrong.map(([name, { status }]) => ` ${name}: ${status}`).join(',')
    process.stdout.write(`${timestamp} ${overall}${parts}\n`)
  })
  await untilAskedToStop()
  watching.stop()
}

function readMinutes(text: string): number {
  const minutes = Number(text)
  if (!(minutes > 0 && minutes <= 1_440))
    throw new InvalidArgumentError('It is a number of minutes, a day at most.')
  return minutes
}

async function appoint(email: string): Promise<void> {
  const count = await onProject(system, async ({ database }) => {
    const { rowCount } = await database.asOwner(sql`
      update public.user_profiles p set role = 'super_admin' from auth.users u where u.id = p.id and lower(u.email) = lower(${email})`)
    return rowCount ?? 0
  })
  if (count === 0) {
    process.stderr.write(`plinth: nobody has an account with the address ${email}.\n`)
    process.exitCode = 1
    return
  }
  process.stdout.write(`${email} is a super admin.\n`)
}
