import type { SupabaseClient } from '@supabase/supabase-js'
import { createIndexedDbStore, hasIndexedDb } from '../store/indexed-db-store.ts'
import { type Locks, platformLocks } from '../store/locks.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { Store } from '../store/store.ts'
import type { WatchEvent } from '../watch/watch.ts'
import { OfflineError } from './offline-error.ts'
import type { OfflineIdentity, OfflineTransport } from './offline-transport.ts'
import type {
  Conflict,
  OfflineTable,
  QueuedWrite,
  Resolution,
  Row,
  SettledWrite,
  WriteDraft,
} from './queued-write.ts'
import type { ShownWatch } from './shown-rows.ts'
import { supabaseIdentity } from './supabase-identity.ts'
import { supabaseTransport } from './supabase-transport.ts'
import { openTabs, type Tabs } from './tabs.ts'
import { openUserData, type UserData } from './user-data.ts'
import { admitUser, forgetUser, userStoreOf } from './user-store.ts'

/** Rows that are read from copies on the device, and writes that are sent when there is a network. */
export interface Offline {
  /** Who is signed in on this device; null when nobody is, and nothing can be read or written then. */
  readonly user: string | null
  /** The rows as the user sees them, by key: the server's with their own writes. */
  rows(table: string): ReadonlyMap<string, Row>
  /** False until the table was read from the server for the first time. */
  isFilled(table: string): boolean
  /** A snapshot, then what changes; ends when the user signs out. */
  watch(table: string, listener?: (event: WatchEvent<Row>) => void): ShownWatch
  /** Resolves with the row's key when the write is on the device. Without a key in `values` it gets a UUID. */
  insert(table: string, values: Row): Promise<string>
  /** Fails with `unknown_row` when the device has no such row. */
  update(table: string, key: string, values: Row): Promise<void>
  remove(table: string, key: string): Promise<void>
  /** Calls a function of the database in its turn, once. */
  call(name: string, input: Row): Promise<void>
  /** What is not done yet, in order: waiting, in conflict, refused. */
  readonly writes: readonly QueuedWrite[]
  /** Rows that somebody else has changed meanwhile. */
  readonly conflicts: readonly Conflict[]
  /**
   * Decides a conflict as it was shown: writes of the row that came since stay. What others change after `theirs` was
   * read is a new conflict.
   */
  resolve(conflict: Conflict, resolution: Resolution): Promise<void>
  /** Sends a refused write again, with other values if there are any. */
  retry(id: string, values?: Row): Promise<void>
  /** Gives a refused write up. */
  discard(id: string): Promise<void>
  /** Sends now what can be sent. */
  flush(): Promise<void>
  /** Calls back after each change of `user`, `writes` or `conflicts`. The result ends it. */
  onChange(listener: () => void): () => void
  /**
   * Signs out and removes everything of the user from this device. Fails with `unsent_writes` when writes wait, unless
   * they may be lost.
   */
  signOut(options?: { readonly discardUnsent?: boolean }): Promise<void>
  close(): Promise<void>
}

export interface OfflinePorts {
  readonly store: Store
  readonly transport: OfflineTransport
  readonly identity: OfflineIdentity & { signOut(): Promise<void> }
  readonly locks: Locks
  readonly tabs: Tabs
  now(): number
  newId(): string
}

export interface OfflineOptions extends Partial<OfflinePorts> {
  /** The tables that can be used offline, each with the column that tells its versions apart. */
  readonly tables: Readonly<Record<string, { readonly version: string; readonly key?: string }>>
  /** Name of the store and its locks: one for each project. Default: made of the client's session key. */
  readonly name?: string
  /** Pauses between attempts, milliseconds; the longest is kept to. Default 1,000 to 60,000; false for none at all. */
  readonly retry?: { readonly first: number; readonly longest: number } | false
  /**
   * Whether writes stay on the device, unencrypted, when a session ends past `signOut` of this object: by
   * `auth.signOut()`, or because its token was revoked. Default true; false loses them.
   */
  readonly keepUnsent?: boolean
  /** Called when a copy or the store fails. Default: nothing; what is there goes on being shown. */
  readonly onError?: (error: Error) => void
}

/** Opens offline mode for whoever is signed in, and for whoever signs in later. Fails when the store cannot be opened. */
export async function openOffline(client: SupabaseClient, options: OfflineOptions): Promise<Offline> {
  const { retry = { first: 1_000, longest: 60_000 }, keepUnsent = true, onError } = options
  const name =
    options.name ?? `plinth-offline-${(client as unknown as { storageKey?: string }).storageKey ?? ''}`
  const ports: OfflinePorts = {
    store: options.store ?? (hasIndexedDb() ? createIndexedDbStore(name) : createMemoryStore()),
    transport: options.transport ?? supabaseTransport(client),
    identity: options.identity ?? supabaseIdentity(client),
    locks: options.locks ?? platformLocks(),
    tabs: options.tabs ?? openTabs(name),
    now: options.now ?? Date.now,
    newId: options.newId ?? (() => crypto.randomUUID()),
  }
  const { store, identity, tabs } = ports
  const tables: Record<string, OfflineTable> = Object.fromEntries(
    Object.entries(options.tables).map(([table, of]) => [table, { key: 'id', ...of }]),
  )
  const listeners = new Set<() => void>()
  let data: UserData | null = null
  let isClosed = false
  let following: Promise<void> = Promise.resolve()
  let isWanted = false
  let running: Promise<void> | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let pause = retry ? retry.first : 0

  function tell(): void {
    for (const listener of [...listeners]) listener()
  }

  function failed(error: Error): void {
    onError?.(error)
  }

  function wake(): void {
    isWanted = true
    running ??= run().finally(() => {
      running = null
      if (isWanted && !isClosed) wake()
    })
  }

  async function run(): Promise<void> {
    while (isWanted && !isClosed) {
      isWanted = false
      clearTimeout(timer)
      const outcome = await data?.flush().catch((error: unknown) => {
        failed(error as Error)
        return 'later' as const
      })
      if (outcome !== 'later') pause = retry ? retry.first : 0
      else if (retry) {
        timer = setTimeout(wake, pause * (0.5 + Math.random() / 2))
        pause = Math.min(retry.longest, pause * 2)
      }
    }
  }

  function follow(): Promise<void> {
    following = following.then(followUser).catch((error: unknown) => failed(error as Error))
    return following
  }

  /** Opens the data of whoever is signed in now; what was read for somebody else is removed before. */
  async function followUser(): Promise<void> {
    if (isClosed) return
    const user = await identity.user()
    if (user !== null && data?.user === user) return
    const left = data?.user
    await leave()
    if (user === null) await forgetUser(store, keepUnsent ? undefined : left)
    else {
      await admitUser(store, user)
      data = await openUserData({
        ...ports,
        store: userStoreOf(store, user),
        tables,
        name,
        queueChanged: (settled) => {
          tabs.post({ user, settled })
          tell()
        },
        workCame: wake,
        failed,
      })
    }
    tell()
    wake()
  }

  async function leave(): Promise<void> {
    const left = data
    data = null
    await left?.close()
  }

  function present(): UserData {
    if (!data) throw new OfflineError('signed_out', 'Nobody is signed in on this device.')
    return data
  }

  function add(draft: Pick<WriteDraft, 'kind' | 'target' | 'key' | 'values'>): Promise<QueuedWrite> {
    return present().add({ ...draft, id: ports.newId(), madeAt: ports.now() })
  }

  function tableOf(table: string): OfflineTable {
    present().table(table)
    return tables[table]!
  }

  const endTabs = tabs.listen(({ user, settled }) => {
    if (data?.user !== user) return
    data.otherTabChanged(settled as SettledWrite | null).then(() => {
      tell()
      wake()
    }, failed)
  })
  const endIdentity = identity.onChange(() => void follow())
  const target = globalThis as unknown as Partial<EventTarget>
  target.addEventListener?.('online', wake)

  function stopHearing(): void {
    clearTimeout(timer)
    endIdentity()
    endTabs()
    target.removeEventListener?.('online', wake)
    tabs.close()
  }

  // What cannot be opened at all, a store that the browser refuses, is for the caller to know.
  const opening = followUser()
  following = opening.catch(() => undefined)
  await opening.catch((error: unknown) => {
    isClosed = true
    stopHearing()
    throw error
  })

  return {
    get user() {
      return data?.user ?? null
    },
    rows: (table) => present().table(table).rows,
    isFilled: (table) => present().isFilled(table),
    watch: (table, listener) => present().table(table).watch(listener),
    insert: async (table, values) => {
      const { key: column } = tableOf(table)
      const key = String(values[column] ?? ports.newId())
      await add({
        kind: 'insert',
        target: table,
        key,
        values: { ...values, [column]: values[column] ?? key },
      })
      return key
    },
    update: async (table, key, values) => {
      tableOf(table)
      await add({ kind: 'update', target: table, key, values })
    },
    remove: async (table, key) => {
      tableOf(table)
      await add({ kind: 'delete', target: table, key, values: {} })
    },
    call: async (target, values) => {
      await add({ kind: 'call', target, key: null, values })
    },
    get writes() {
      return data?.writes ?? []
    },
    get conflicts() {
      return data?.conflicts ?? []
    },
    resolve: (conflict, resolution) => present().resolve(conflict, resolution),
    retry: (id, values) => present().retry(id, values),
    discard: (id) => present().discard(id),
    flush: async () => {
      await following
      wake()
      await running
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    signOut: async ({ discardUnsent = false } = {}) => {
      const unsent = data?.writes.length ?? 0
      if (unsent > 0 && !discardUnsent)
        throw new OfflineError('unsent_writes', `${unsent} writes have not been sent.`)
      const user = data?.user
      await leave()
      await identity.signOut()
      await forgetUser(store, user)
      await follow()
    },
    close: async () => {
      isClosed = true
      stopHearing()
      await following
      await leave()
      await store.close()
    },
  }
}
