import type { ProjectDatabase, Statement } from '@plinth/platform/database'
import type pg from 'pg'
import { actor, service, stranger } from '../actors.ts'
import type { TestDatabase } from '../test-database.ts'
import { createWorld, type GivenValues, type World } from './create-world.ts'
import { type Attempt, measureTable, type Subject, type Verb } from './measure-table.ts'
import { measureViews } from './measure-views.ts'
import type { Mutation } from './mutations.ts'
import { prepareTargets, type TargetTable } from './prepare-targets.ts'
import { readRights } from './read-rights.ts'
import { readTables } from './read-tables.ts'
import { type Measured, renderMatrix } from './render-matrix.ts'
import { prepareTrials } from './run-trials.ts'

/** Somebody who has a part in the own tenant, or in the whole system. */
type Membership = (person: {
  readonly userId: string
  /** Key of the own tenant. */
  readonly tenant: string
}) => Statement

export interface IsolationOptions {
  readonly test: TestDatabase
  /** The part of the system's declaration that says whose rows are whose. */
  readonly system: {
    readonly tenant: { readonly table: string; readonly key?: string; readonly column: string } | null
  }
  /** File of the matrix, from the test file's folder. Default `isolation-matrix.txt`. */
  readonly matrix?: string
  /** By table: values that cannot be guessed from its columns. */
  readonly values?: GivenValues
  /** Everybody whom policies tell apart, beside the one whose rows they are: how they come to be what they are. */
  readonly members?: Readonly<Record<string, Membership>>
  /** By table: what anybody may do with any row, `products: ['select']`. */
  readonly open?: Readonly<Record<string, readonly Verb[]>>
  /** Those of `members` whose office is every tenant: a platform's administrators. */
  readonly overseers?: readonly string[]
}

/** A database with two tenants in it, and everybody who tries to get at their rows. */
export interface Bench {
  readonly client: pg.Client
  readonly database: ProjectDatabase
  readonly targets: readonly TargetTable[]
  readonly subjects: readonly Subject[]
}

/** Fills the database with two tenants. Fails when a table gets no row that can serve as a draft: with what to say. */
export async function openBench(client: pg.Client, options: IsolationOptions): Promise<Bench> {
  const { database } = options.test
  const { tenant } = options.system
  await prepareTrials(client)
  const people = ['owner', 'other owner', ...Object.keys(options.members ?? {}), 'outsider'].map((name) => ({
    name,
    caller: actor(`isolation ${name}`),
  }))
  await signUp(
    client,
    people.map(({ caller }) => caller.userId),
  )
  const tables = await readTables(client)
  const worldOf = (name: string, number: number): Promise<World> =>
    createWorld({
      database,
      tables,
      values: options.values ?? {},
      userId: people.find((person) => person.name === name)!.caller.userId,
      number,
    })
  const own = await worldOf('owner', 0)
  const other = await worldOf('other owner', 1)
  const key = tenant ? String(own.rows.get(tenant.table)?.[tenant.key ?? 'id']) : ''
  for (const { name, caller } of people) {
    const join = options.members?.[name]
    if (join) await database.asOwner(join({ userId: caller.userId, tenant: key }))
  }
  const targets = await prepareTargets({ client, database, tables, own, other, tenant })
  const subjects = [
    ...people.filter(({ name }) => name !== 'other owner'),
    { name: 'anon', caller: stranger },
    { name: 'service', caller: service },
  ]
  return { client, database, targets, subjects }
}

/** Accounts, where the system has them. */
async function signUp(client: pg.Client, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('auth.users') is not null as found`,
  )
  if (!rows[0]!.found) return
  await client.query(
    `insert into auth.users (id, email) select id, id || '@example.test' from unnest($1::uuid[]) id on conflict do nothing`,
    [ids],
  )
}

export async function measureAll({ client, database, targets, subjects }: Bench): Promise<Measured> {
  const attempts: Attempt[] = []
  for (const target of targets)
    attempts.push(...(await measureTable(client, database.system, target, subjects)))
  const rights = await readRights(client)
  return { rights, attempts, views: await measureViews(client, database.system, rights, subjects) }
}

/** What belongs to one tenant is closed to all others and stays theirs; strangers write nothing that is nobody's. */
export function isLeak(
  { table, subject, owner, verb, result }: Attempt,
  { open = {}, overseers = [] }: Pick<IsolationOptions, 'open' | 'overseers'> = {},
): boolean {
  if (overseers.includes(subject)) return false
  const strange = subject === 'anon' || subject === 'outsider'
  // Constraints are asked after policies; without a condition it may be the subject's own row that one stopped.
  const stopped = result.startsWith('23') && (strange || owner === 'own' || !verb.endsWith(' all'))
  if (subject === 'service' || !(result === 'allowed' || stopped) || open[table]?.includes(verb)) return false
  if (owner === 'nobody') return strange && verb !== 'select'
  return owner === 'other' || strange || verb === 'move'
}

/** Tries mutations one by one: `missed` left the whole matrix as it was, `unmoved` left the attempts as they were. */
export async function tryMutations(bench: Bench, mutations: readonly Mutation[]) {
  const { client } = bench
  const before = new Map<string, Awaited<ReturnType<typeof measureOne>>>()
  const [missed, unmoved]: [Mutation[], Mutation[]] = [[], []]
  for (const mutation of mutations) {
    const was = before.get(mutation.of) ?? (await measureOne(bench, mutation))
    before.set(mutation.of, was)
    await client.query('begin')
    await client.query(mutation.statement)
    const is = await measureOne(bench, mutation)
    await client.query('rollback')
    if (is.matrix === was.matrix) missed.push(mutation)
    if (mutation.effective && is.attempts === was.attempts) unmoved.push(mutation)
  }
  return { missed, unmoved }
}

async function measureOne({ client, database, targets, subjects }: Bench, { of }: Mutation) {
  const target = targets.find(({ table }) => table.name === of)
  const attempts = target ? await measureTable(client, database.system, target, subjects) : []
  const rights = (await readRights(client)).filter(({ name }) => name === of)
  return { matrix: renderMatrix({ rights, attempts, views: [] }), attempts: JSON.stringify(attempts) }
}
