import { type ScopedDatabase, type Statement, sql, translateSqlError } from '../database/index.ts'
import type { Json } from '../kernel/index.ts'
import { kvErrors } from './errors.ts'

/** Whose entries. */
export type KvScope = 'project' | { readonly tenant: string } | { readonly user: string }

export interface KvOptions {
  /** How long the entry stays, seconds. Default: until it is deleted. */
  readonly ttlSeconds?: number
}

export interface KvEntry<T> {
  readonly value: T
  /** Another one after every change; see {@link Kv.compareAndSet}. */
  readonly version: number
  readonly expiresAt: string | null
}

/** Values by key, in one scope, as one caller may see and change them. Keys have 1 to 512 bytes, values 1 MiB at most. */
export interface Kv {
  get<T = Json>(key: string): Promise<T | null>
  getEntry<T = Json>(key: string): Promise<KvEntry<T> | null>
  /** Gives the version. */
  set(key: string, value: unknown, options?: KvOptions): Promise<number>
  /** False when there was none. */
  del(key: string): Promise<boolean>
  /** In the order of the keys, null where there is none. */
  mget<T = Json>(keys: readonly string[]): Promise<(T | null)[]>
  /** All or none. */
  mset(entries: Readonly<Record<string, unknown>>, options?: KvOptions): Promise<void>
  /** Gives how many there were. */
  mdel(keys: readonly string[]): Promise<number>
  /** Every entry whose key begins with exactly this text, in the order of the keys, however many there are. */
  getByPrefix<T = Json>(prefix: string): Promise<{ readonly key: string; readonly value: T }[]>
  /** Stores the value if the entry still has this version (0: if there is none); the new version, or null if it has not. */
  compareAndSet(key: string, version: number, value: unknown, options?: KvOptions): Promise<number | null>
  /** Adds to a number in one step; a missing one is 0. Fails with `kv_not_a_number`. */
  increment(key: string, by?: number, options?: KvOptions): Promise<number>
  /** The entries of another scope, with the rights of the same caller. */
  of(scope: KvScope): Kv
  /** The same entries as the service role, past all policies. Say why; the journal keeps it. */
  asService(reason: string): Kv
}

/** The text by which SQL knows a scope. */
export const scopeText = (scope: KvScope): string =>
  scope === 'project' ? scope : 'tenant' in scope ? `tenant/${scope.tenant}` : `user/${scope.user}`

/** `database` says who asks. */
export function kvOf(database: Pick<ScopedDatabase, 'query'>, scope: KvScope, others: OtherCallers): Kv {
  const name = scopeText(scope)
  const one = async <Row extends object>(
    statement: Statement,
    readOnly = false,
  ): Promise<Row | undefined> => {
    try {
      const { rows } = await database.query<Row & Record<string, never>>(statement, { readOnly })
      return rows[0]
    } catch (error) {
      throw translateSqlError(error, kvErrors)
    }
  }
  const ttlOf = ({ ttlSeconds }: KvOptions = {}) =>
    ttlSeconds === undefined ? null : `${ttlSeconds} seconds`
  const text = (value: unknown) => JSON.stringify(value ?? null)
  const read = async (key: string) =>
    one<{ value: Json; version: string; expires_at: string | null }>(
      {
        name: 'plinth_kv_get',
        ...sql`
          select value, version, expires_at from plinth.kv
          where scope = ${name} and key = ${checkKey(key)} and (expires_at is null or expires_at > plinth.now())`,
      },
      true,
    )
  const remove = async (keys: readonly string[]) => {
    const found = await one<{ n: string }>(
      sql`select plinth.kv_delete(${keys.map(checkKey)}::text[], ${name}) as n`,
    )
    return Number(found!.n)
  }

  return {
    get: async <T>(key: string) => ((await read(key))?.value ?? null) as T | null,
    getEntry: async <T>(key: string) => {
      const found = await read(key)
      if (!found) return null
      const { value, version, expires_at: expiresAt } = found
      return { value: value as T, version: Number(version), expiresAt }
    },
    set: async (key, value, options) => {
      const found = await one<{ version: string }>(sql`
        select plinth.kv_set(${checkKey(key)}, ${text(value)}::jsonb, ${ttlOf(options)}::interval, ${name}) as version`)
      return Number(found!.version)
    },
    del: async (key) => (await remove([key])) === 1,
    mget: async <T>(keys: readonly string[]) => {
      const found = await one<{ values: (T | null)[] }>(
        sql`select to_json(plinth.kv_mget(${keys.map(checkKey)}::text[], ${name})) as values`,
        true,
      )
      return found!.values
    },
    mset: async (entries, options) => {
      for (const key of Object.keys(entries)) checkKey(key)
      await one(sql`select plinth.kv_mset(${text(entries)}::jsonb, ${ttlOf(options)}::interval, ${name})`)
    },
    mdel: remove,
    getByPrefix: async <T>(prefix: string) => {
      if (prefix !== '') checkKey(prefix)
      const found = await one<{ entries: { key: string; value: T }[] }>(
        sql`select coalesce(json_agg(json_build_object('key', key, 'value', value)), '[]') as entries
          from plinth.kv_prefix(${prefix}, ${name})`,
        true,
      )
      return found!.entries
    },
    compareAndSet: async (key, version, value, options) => {
      const found = await one<{ version: string | null }>(sql`
        select plinth.kv_compare_and_set(${checkKey(key)}, ${version}, ${text(value)}::jsonb, ${ttlOf(options)}::interval, ${name})
          as version`)
      return found!.version === null ? null : Number(found!.version)
    },
    increment: async (key, by = 1, options) => {
      const found = await one<{ sum: string }>(sql`
        select plinth.kv_increment(${checkKey(key)}, ${by}, ${ttlOf(options)}::interval, ${name}) as sum`)
      return Number(found!.sum)
    },
    of: (other) => kvOf(database, other, others),
    asService: (reason) => kvOf(others(reason), scope, others),
  }
}

/** The database as the service role, for a reason. */
export type OtherCallers = (reason: string) => Pick<ScopedDatabase, 'query'>

function checkKey(key: string): string {
  if (key === '' || key.includes('\0') || Buffer.byteLength(key) > 512) throw kvErrors.kv_key_invalid()
  return key
}
