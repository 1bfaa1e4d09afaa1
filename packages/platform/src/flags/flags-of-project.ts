import {
  type Caller,
  type ProjectDatabase,
  sql,
  type Transaction,
  transactionFor,
} from '../database/index.ts'
import { hasCode } from '../kernel/index.ts'
import type { Recall } from '../signals/index.ts'
import { flagErrors } from './errors.ts'

/** For whom a flag is asked. Default: the caller, and a key's tenant. */
export interface FlagFor {
  readonly tenant?: string
  readonly user?: string
}

/** One tenant or one user. */
export type FlagTarget = { readonly tenant: string } | { readonly user: string }

/** The project's switch; what is left out stays. */
export interface FlagSetting {
  readonly enabled?: boolean
  /** Of the tenants or users that have it while it is enabled, 0 to 100. */
  readonly percentage?: number
  /** Whether the percentage is of tenants or of users. */
  readonly rolledOutBy?: 'tenant' | 'user'
}

export interface Flag extends Required<FlagSetting> {
  readonly name: string
  readonly description: string
  /** Tenants and users for whom something else is set. */
  readonly exceptions: number
}

export interface FlagChange {
  readonly at: string
  readonly flag: string
  /** `project`, `kv`, `tenant/<key>` or `user/<id>`. */
  readonly target: string
  readonly before: unknown
  readonly after: unknown
  readonly byRole: string
  readonly byUser: string | null
}

/** The flags of a project, for one caller. Who may switch is for the calling code to say. */
export interface Flags {
  /** Fails with `flag_unknown`. */
  isOn(flag: string, whom?: FlagFor): Promise<boolean>
  /** Every public flag. */
  all(whom?: FlagFor): Promise<Readonly<Record<string, boolean>>>
  /** Sets the project's switch, and makes the flag where there is none. Fails with `flag_invalid`. */
  set(flag: string, setting: FlagSetting): Promise<void>
  /** Sets a flag for one tenant or user; null: as for everybody. Fails with `flag_unknown`. */
  setFor(target: FlagTarget, flag: string, enabled: boolean | null): Promise<void>
  list(): Promise<Flag[]>
  /** Who switched what, the latest first. */
  history(options?: { readonly flag?: string; readonly limit?: number }): Promise<FlagChange[]>
}

export interface FlagsOptions {
  readonly database: ProjectDatabase
  readonly recall: Recall<Readonly<Record<string, FlagState>>>
  /** Makes sure that the declared flags are there. */
  declared(): Promise<void>
  /** For whom; null for the operator. */
  readonly caller: Caller | null
}

export interface FlagState {
  readonly on: boolean
  readonly isPublic: boolean
}

export function flagsOfProject({ database, recall, declared, caller }: FlagsOptions): Flags {
  const ask = async ({ tenant, user }: FlagFor = {}) => {
    await declared()
    return recall.get(JSON.stringify([tenant ?? tenantOf(caller), user ?? userOf(caller)]))
  }
  const change = async (work: (transaction: Transaction) => Promise<void>) => {
    await declared()
    await transactionFor(database, caller, work)
    recall.forgetAll()
  }

  return {
    isOn: async (flag, whom) => {
      const state = await ask(whom)
      if (!Object.hasOwn(state, flag)) throw flagErrors.flag_unknown({ flag })
      return state[flag]!.on
    },
    all: async (whom) => {
      const state = Object.entries(await ask(whom)).filter(([, { isPublic }]) => isPublic)
      return Object.fromEntries(state.map(([flag, { on }]) => [flag, on]))
    },
    set: (flag, { enabled = null, percentage = null, rolledOutBy = null }: Nullable<FlagSetting>) =>
      change(async (transaction) => {
        await transaction
          .query(sql`
            insert into plinth.flags as f (name, enabled, percentage, rolled_out_by)
            values (${flag}, coalesce(${enabled}, false), coalesce(${percentage}, 100), coalesce(${rolledOutBy}, 'user'))
            on conflict (name) do update set enabled = coalesce(${enabled}, f.enabled),
              percentage = coalesce(${percentage}, f.percentage), rolled_out_by = coalesce(${rolledOutBy}, f.rolled_out_by),
              updated_at = plinth.now()`)
          .catch(refuseInvalid)
      }),
    setFor: (target, flag, enabled) =>
      change(async (transaction) => {
        const { rowCount } = await transaction.query(
          sql`select from plinth.flags where name = ${flag} for update`,
        )
        if (rowCount !== 1) throw flagErrors.flag_unknown({ flag })
        await setException(transaction, target, flag, enabled)
      }),
    list: async () => {
      await declared()
      const { rows } = await database.asOwner<Flag & Record<string, never>>(sql`
        select f.name, f.description, coalesce(plinth.flag_of_kv(f.name), f.enabled) as enabled, f.percentage::float8 as percentage,
          f.rolled_out_by as "rolledOutBy",
          ((select count(*) from plinth.user_flags u where u.flag = f.name)
            + (select count(*) from plinth.flags_of_tenants t where t.flag = f.name))::int as exceptions
        from plinth.flags f order by f.name`)
      return rows
    },
    history: async ({ flag, limit = 100 } = {}) => {
      const { rows } = await database.asOwner<FlagChange & Record<string, never>>(sql`
        select at, flag, target, before, after, by_role as "byRole", by_user as "byUser" from plinth.flag_changes
        where ${flag ?? null}::text is null or flag = ${flag ?? null} order by id desc limit ${limit}`)
      return rows
    },
  }
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null }

/** Reads every flag for a tenant and a user, named by the text that {@link FlagsOptions.recall} is asked for. */
export async function readFlags(
  database: ProjectDatabase,
  whom: string,
): Promise<Readonly<Record<string, FlagState>>> {
  const [tenant, user] = JSON.parse(whom) as [string | null, string | null]
  const { rows } = await database.asOwner<{ name: string } & FlagState & Record<string, never>>(sql`
    select name, is_public as "isPublic", plinth.flag(name, ${tenant}, ${user}) as on from plinth.flags`)
  return Object.fromEntries(rows.map(({ name, on, isPublic }) => [name, { on, isPublic }]))
}

const userOf = (caller: Caller | null): string | null =>
  typeof caller?.claims.sub === 'string' ? caller.claims.sub : null

function tenantOf(caller: Caller | null): string | null {
  const { tenant = null } = (caller?.claims.key ?? {}) as { readonly tenant?: string | null }
  return tenant
}

function refuseInvalid(error: unknown): never {
  throw hasCode(error, '23514') || hasCode(error, '22003') ? flagErrors.flag_invalid({}, error) : error
}

async function setException(
  transaction: Transaction,
  target: FlagTarget,
  flag: string,
  enabled: boolean | null,
): Promise<void> {
  const [table, column, key] =
    'tenant' in target
      ? ['plinth.flags_of_tenants', 'tenant', target.tenant]
      : ['plinth.user_flags', 'user_id', target.user]
  const of = `${column} = $1 and flag = $2`
  if (enabled === null)
    return void (await transaction.query({ text: `delete from ${table} where ${of}`, values: [key, flag] }))
  // A table of a system's own has a unique index of its own, which this statement cannot name.
  const text = `
    with changed as (update ${table} set enabled = $3 where ${of} returning 1)
    insert into ${table} (${column}, flag, enabled) select $1, $2, $3 where not exists (select from changed)`
  await transaction.query({ text, values: [key, flag, enabled] })
}
