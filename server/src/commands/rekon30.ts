import { type Statement, sql } from '@plinth/platform/database'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { printRows } from '../terminal/print-rows.ts'

const system = 'rekon30'

/** Who runs rekon30's platform. The first super admin can come from nowhere else (R-O11). */
export function addRekon30Command(program: Command): void {
  const admin = program
    .command(system)
    .description('who runs the platform of rekon30')
    .command('admin')
    .description('appoint super admins, suspend them, list them')
  admin
    .command('add')
    .description('make somebody who has an account a super admin, or let a suspended one in again')
    .argument('<email>')
    .action((email: string) => change(email, 'is a super admin', addStatement(email)))
  admin
    .command('suspend')
    .description('take the rights of a super admin; the last active one keeps them')
    .argument('<email>')
    .action((email: string) => change(email, 'is suspended', suspendStatement(email)))
  admin.command('list').description('all of them').option('--json', 'as JSON').action(list)
}

const addStatement = (email: string) => sql`
  insert into public.super_admins (user_id, email)
  select u.id, u.email from auth.users u where lower(u.email) = lower(${email})
  on conflict (user_id) do update set is_active = true, updated_at = plinth.now()`

const suspendStatement = (email: string) => sql`
  update public.super_admins a set is_active = false, updated_at = plinth.now()
  from auth.users u where u.id = a.user_id and lower(u.email) = lower(${email})`

async function change(email: string, outcome: string, statement: Statement): Promise<void> {
  const count = await onProject(system, async ({ database }) => (await database.asOwner(statement)).rowCount)
  if (count) process.stdout.write(`${email} ${outcome}.\n`)
  else {
    process.stderr.write(`plinth: nobody with the address ${email} has an account, or is a super admin.\n`)
    process.exitCode = 1
  }
}

async function list(options: { readonly json?: boolean }): Promise<void> {
  const { rows } = await onProject(system, ({ database }) =>
    database.asOwner(sql`
      select u.email, case when a.is_active then 'active' else 'suspended' end as status, a.created_at as since
      from public.super_admins a join auth.users u on u.id = a.user_id order by a.created_at`),
  )
  printRows(rows, options)
}
