import type { SupabaseClient } from '@supabase/supabase-js'
import type { Offline } from '../offline/open-offline.ts'
import { type WatchEvent, type WatchQuery, watch } from '../watch/watch.ts'

/** A live view: a snapshot first, then what changes. */
export interface Watching<T> extends AsyncIterable<WatchEvent<T>> {
  close(): void | Promise<void>
}

/** The rows of one table. */
export interface Repository<T> {
  /** Those that the user may see, at most `limit` (default 1,000) from `offset`. */
  getAll(options?: { readonly limit?: number; readonly offset?: number }): Promise<T[]>
  /** Null when it is not there, or not visible. */
  getById(id: string): Promise<T | null>
  /** The row's id. */
  create(item: Partial<T>): Promise<string>
  update(id: string, data: Partial<T>): Promise<void>
  delete(id: string): Promise<void>
  /** A snapshot, then deltas. */
  watch(listener?: (event: WatchEvent<T>) => void): Watching<T>
}

export interface RepositoryOptions<T> {
  readonly table: string
  /** Default `id`. */
  readonly key?: string
  /** Column that `getAll` sorts by; default the key. */
  readonly order?: string
  /** What `watch` follows beside the table: its filter and columns. */
  readonly watched?: Pick<WatchQuery, 'filter' | 'columns'>
  /** What `delete` does instead of deleting: kronium cancels bookings. */
  readonly remove?: (id: string) => Partial<T>
  /** Reads from the device, and writes when there is a network; the table is among its tables. */
  readonly offline?: Offline
}

type Row = Record<string, unknown>

/** The same operations for every table, over supabase-js alone or over offline mode. Errors are those of supabase-js. */
export function createRepository<T extends object = Row>(
  client: SupabaseClient,
  options: RepositoryOptions<T>,
): Repository<T> {
  const { offline, remove } = options
  const base = offline ? offlineRows(offline, options) : onlineRows(client, options)
  const repository = base as unknown as Repository<T>
  return remove ? { ...repository, delete: (id) => repository.update(id, remove(id)) } : repository
}

function onlineRows<T>(
  client: SupabaseClient,
  { table, key = 'id', order = key, watched = {} }: RepositoryOptions<T>,
): Repository<Row> {
  return {
    getAll: async ({ limit = 1_000, offset = 0 } = {}) => {
      const asked = client.from(table).select('*').order(order)
      const sorted = order === key ? asked : asked.order(key)
      const { data } = await sorted.range(offset, offset + limit - 1).throwOnError()
      return data as Row[]
    },
    getById: async (id) => {
      const { data } = await client.from(table).select('*').eq(key, id).maybeSingle().throwOnError()
      return data as Row | null
    },
    create: async (item) => {
      const { data } = await client.from(table).insert(item).select(key).single().throwOnError()
      return String((data as unknown as Row)[key])
    },
    update: async (id, values) => {
      // One row, or PGRST116: a row that is not there or not theirs is no success.
      await client.from(table).update(values).eq(key, id).select(key).single().throwOnError()
    },
    delete: async (id) => {
      await client.from(table).delete().eq(key, id).select(key).single().throwOnError()
    },
    watch: (listener) => watch(client, { table, ...watched }, listener),
  }
}

function offlineRows<T>(
  offline: Offline,
  { table, key = 'id', order = key }: RepositoryOptions<T>,
): Repository<Row> {
  const sorted = (): Row[] =>
    [...offline.rows(table).values()].sort(
      (one, other) => compare(one[order], other[order]) || compare(one[key], other[key]),
    )
  return {
    getAll: async ({ limit = 1_000, offset = 0 } = {}) => sorted().slice(offset, offset + limit),
    getById: async (id) => offline.rows(table).get(id) ?? null,
    create: (item) => offline.insert(table, item),
    update: (id, values) => offline.update(table, id, values),
    delete: (id) => offline.remove(table, id),
    watch: (listener) => offline.watch(table, listener),
  }
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other
  const [a, b] = [String(one ?? ''), String(other ?? '')]
  return a < b ? -1 : a > b ? 1 : 0
}
