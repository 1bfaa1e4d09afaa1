import type { SupabaseClient } from '@supabase/supabase-js'
import { callPlatform } from '../call-platform.ts'

/** Whose entries: the signed-in user's own, unless said otherwise; an API key's those of its tenant. */
export type KvScope = 'project' | { readonly tenant: string }

export interface KvOptions {
  /** How long the entry stays, seconds. Default: until it is deleted. */
  readonly ttlSeconds?: number
}

export interface KvEntry<T> {
  readonly value: T
  readonly version: number
  readonly expiresAt: string | null
}

/** Values by key, on the server. Each method fails with a `PlinthError`. */
export interface ClientKv {
  get<T = unknown>(key: string): Promise<T | null>
  getEntry<T = unknown>(key: string): Promise<KvEntry<T> | null>
  set(key: string, value: unknown, options?: KvOptions): Promise<void>
  /** False when there was none. */
  del(key: string): Promise<boolean>
  /** In the order of the keys, null where there is none; 1,000 at most. */
  mget<T = unknown>(keys: readonly string[]): Promise<(T | null)[]>
  /** All or none. */
  mset(entries: Readonly<Record<string, unknown>>, options?: KvOptions): Promise<void>
  mdel(keys: readonly string[]): Promise<number>
  /** Every entry whose key begins with exactly this text. */
  getByPrefix<T = unknown>(prefix: string): Promise<{ readonly key: string; readonly value: T }[]>
  /** Stores the value if the entry still has this version (0: if there is none); the new version, or null. */
  compareAndSet(key: string, version: number, value: unknown, options?: KvOptions): Promise<number | null>
  increment(key: string, by?: number, options?: KvOptions): Promise<number>
  /** The entries of another scope. */
  of(scope: KvScope): ClientKv
}

export function clientKv(client: Pick<SupabaseClient, 'functions'>, scope?: KvScope): ClientKv {
  const call = <T>(operation: string, input: object): Promise<T> =>
    callPlatform<T>(client, `kv/v1/${operation}`, { ...input, ...(scope === undefined ? {} : { scope }) })
  const mget = <T>(keys: readonly string[]) => call<(T | null)[]>('get', { keys })
  const mset = async (entries: Readonly<Record<string, unknown>>, options: KvOptions = {}): Promise<void> => {
    await call<null>('set', { entries, ...options })
  }
  const mdel = (keys: readonly string[]) => call<number>('delete', { keys })
  return {
    get: async <T>(key: string) => (await mget<T>([key]))[0] ?? null,
    getEntry: (key) => call('entry', { key }),
    set: (key, value, options) => mset({ [key]: value }, options),
    del: async (key) => (await mdel([key])) === 1,
    mget,
    mset,
    mdel,
    getByPrefix: (prefix) => call('prefix', { prefix }),
    compareAndSet: (key, version, value, options = {}) =>
      call('compare-and-set', { key, version, value, ...options }),
    increment: (key, by = 1, options = {}) => call('increment', { key, by, ...options }),
    of: (other) => clientKv(client, other),
  }
}
