import { quoteName } from '@plinth/platform/database'
import type pg from 'pg'
import type { Rights } from './read-rights.ts'

/** One mistake that somebody could make in the SQL of a system. */
export interface Mutation {
  /** The table or function that it changes. */
  readonly of: string
  readonly statement: string
  /** True when it gives or takes rows, so that the attempts have to differ and not only what the catalogue says. */
  readonly effective: boolean
}

interface Policy {
  readonly table: string
  readonly name: string
  readonly checks: boolean
  readonly uses: boolean
}

const roles = ['anon', 'authenticated'] as const
const commands = ['select', 'insert', 'update', 'delete'] as const

/** Every policy dropped and opened, every table opened to each role for each verb, every right given or taken. */
export async function listMutations(
  client: pg.Client,
  rights: readonly Rights[],
): Promise<readonly Mutation[]> {
  const policies = await readPolicies(client)
  const tables = rights.filter(({ kind }) => kind === 'table')
  const functions = rights.filter(({ kind, name }) => kind === 'function' && name.startsWith('public.'))
  return [
    ...tables.flatMap((table) => [
      ...policies.filter((policy) => policy.table === table.name).flatMap(breakPolicy),
      ...openTable(table),
      ...changeRights(table),
    ]),
    ...functions.flatMap(changeCallers),
  ]
}

async function readPolicies(client: pg.Client): Promise<readonly Policy[]> {
  const { rows } = await client.query<Policy>(
    `select c.relname as table, p.polname as name,
       p.polwithcheck is not null as checks, p.polqual is not null as uses
     from pg_policy p join pg_class c on c.oid = p.polrelid
     where c.relnamespace = 'public'::regnamespace
     order by 1, 2`,
  )
  return rows
}

function breakPolicy({ table, name, checks, uses }: Policy): readonly Mutation[] {
  const policy = `policy ${quoteName(name)} on public.${quoteName(table)}`
  const statements = [
    `drop ${policy}`,
    ...(uses ? [`alter ${policy} using (true)`] : []),
    ...(checks ? [`alter ${policy} with check (true)`] : []),
  ]
  return statements.map((statement) => ({ of: table, statement, effective: true }))
}

function openTable({ name: of, guarded, rights }: Rights): readonly Mutation[] {
  const name = `public.${quoteName(of)}`
  const reachable = roles.some((role) => commands.some((command) => rights[role]!.includes(command)))
  const open = (role: string, command: string) =>
    `create policy oops on ${name} for ${command} to ${role} ${
      command === 'insert'
        ? 'with check (true)'
        : command === 'update'
          ? 'using (true) with check (true)'
          : 'using (true)'
    }`
  return [
    ...(guarded
      ? [{ of, statement: `alter table ${name} disable row level security`, effective: reachable }]
      : []),
    ...roles.flatMap((role) =>
      commands.flatMap((command) => [
        { of, statement: open(role, command), effective: false },
        { of, statement: `grant ${command} on ${name} to ${role}; ${open(role, command)}`, effective: true },
      ]),
    ),
  ]
}

function changeRights({ name: of, rights }: Rights): readonly Mutation[] {
  return changesOf([...commands, 'truncate'], `public.${quoteName(of)}`, rights).map((statement) => ({
    of,
    statement,
    effective: false,
  }))
}

function changeCallers({ name: of, rights }: Rights): readonly Mutation[] {
  return changesOf(['execute'], `function ${of}`, rights).map((statement) => ({
    of,
    statement,
    effective: false,
  }))
}

/** Each right taken from who has it, and given to who has not. */
const changesOf = (
  privileges: readonly string[],
  object: string,
  rights: Rights['rights'],
): readonly string[] =>
  roles.flatMap((role) =>
    privileges.map((privilege) =>
      rights[role]!.includes(privilege)
        ? `revoke ${privilege} on ${object} from ${role}`
        : `grant ${privilege} on ${object} to ${role}`,
    ),
  )
