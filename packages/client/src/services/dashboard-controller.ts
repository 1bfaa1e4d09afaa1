import type { SupabaseClient } from '@supabase/supabase-js'
import { type CacheService, cacheKeys } from './cache-service.ts'
import type { Logger } from './logger-service.ts'

/** What a dashboard shows. */
export interface DashboardState<Data> {
  /** Null before the first time. */
  readonly data: Data | null
  readonly isLoading: boolean
  /** True when it could not be read anew, and shows what was read before. */
  readonly isStale: boolean
  readonly error: unknown
}

export interface DashboardController<Data> {
  readonly state: DashboardState<Data>
  /** Reads it for a time; without one as the server likes. */
  load(range?: { readonly from?: string; readonly until?: string }): Promise<void>
  /** Reads again whenever one of these tables changes, half a second later at the soonest. */
  follow(watches: readonly { watch(listener: () => void): { close(): void | Promise<void> } }[]): void
  onChange(listener: (state: DashboardState<Data>) => void): () => void
  close(): void
}

export interface DashboardOptions<Data> {
  /** Reads one part each, by name: functions of the database, routes. */
  readonly read: (range: { readonly from?: string; readonly until?: string }) => Promise<Data>
  /** Keeps what was read for the next start. */
  readonly cache?: CacheService
  readonly logger?: Logger
}

const gatherMilliseconds = 500

export function createDashboard<Data extends object>(
  options: DashboardOptions<Data>,
): DashboardController<Data> {
  const { read, cache, logger } = options
  const listeners = new Set<(state: DashboardState<Data>) => void>()
  const followed: { close(): void | Promise<void> }[] = []
  let state: DashboardState<Data> = { data: null, isLoading: false, isStale: false, error: null }
  let range: { readonly from?: string; readonly until?: string } = {}
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function become(change: Partial<DashboardState<Data>>): void {
    state = { ...state, ...change }
    for (const listener of [...listeners]) listener(state)
  }

  async function load(given: typeof range = range): Promise<void> {
    range = given
    latest += 1
    const own = latest
    become({ isLoading: true })
    if (!state.data) {
      const kept = (await cache?.get<Data>(cacheKeys.dashboardStats)) ?? null
      if (kept && own === latest) become({ data: kept, isStale: true })
    }
    try {
      const data = await read(given)
      // An answer that was overtaken by a later question is not shown.
      if (own !== latest) return
      become({ data, isLoading: false, isStale: false, error: null })
      await cache?.cacheDashboardStats(data)
    } catch (error) {
      if (own !== latest) return
      logger?.warn('dashboard could not be read', { error })
      become({ isLoading: false, isStale: state.data !== null, error })
    }
  }

  return {
    get state() {
      return state
    },
    load,
    follow: (watches) => {
      const changed = (): void => {
        clearTimeout(timer)
        timer = setTimeout(() => void load(), gatherMilliseconds)
      }
      followed.push(...watches.map((each) => each.watch(changed)))
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      clearTimeout(timer)
      latest += 1
      for (const each of followed.splice(0)) void each.close()
    },
  }
}

/** Reads a dashboard from functions of the database, by name: `{ statistics: 'dashboard_statistics' }`. */
export const readFunctions =
  <Parts extends string>(client: Pick<SupabaseClient, 'rpc'>, functions: Readonly<Record<Parts, string>>) =>
  async ({ from, until }: { readonly from?: string; readonly until?: string }) => {
    const input = { ...(from ? { p_from: from } : {}), ...(until ? { p_until: until } : {}) }
    const parts = await Promise.all(
      Object.entries<string>(functions).map(async ([name, called]) => {
        const { data } = await client.rpc(called, input).throwOnError()
        return [name, data as unknown] as const
      }),
    )
    return Object.fromEntries(parts) as Record<Parts, unknown>
  }
