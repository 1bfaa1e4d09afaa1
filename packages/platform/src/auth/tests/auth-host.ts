import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock, type FakeClock, useTestDatabase } from '@plinth/testing'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll } from 'vitest'
import { createApp, createProjectDirectory, openProjectKeys, type ProjectKeys } from '../../http/index.ts'
import { type Json, silentLog } from '../../kernel/index.ts'
import {
  type AuthSettingsInput,
  createAuthSurface,
  createPasswordHasher,
  type PasswordHasher,
  readAuthMigrations,
} from '../index.ts'

const unlimited = { attempts: 1_000_000, seconds: 60 }

export interface AuthHostOptions {
  readonly settings?: Partial<AuthSettingsInput>
  readonly passwords?: PasswordHasher
  /** SQL of the system: its tables and triggers, as its own migrations would make them. */
  readonly seed?: string
  readonly connections?: { readonly requests: number; readonly owner: number }
}

export interface RequestOptions {
  readonly method?: string
  readonly body?: unknown
  /** Bearer token; default the API key. */
  readonly token?: string
  /** API key; default the anon key. */
  readonly key?: string
  readonly headers?: Record<string, string>
}

/** What came back, with the body parsed. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the server said
  readonly body: any
}

/** A project of its own for a test file: the real HTTP side, keys and database, with the auth surface in it. */
export function useAuthHost(options: AuthHostOptions = {}) {
  const test = useTestDatabase({
    migrations: [readAuthMigrations()],
    ...(options.seed ? { seed: options.seed } : {}),
    ...(options.connections ? { connections: options.connections } : {}),
  })
  let folder: string
  let keys: ProjectKeys
  let foreignKeys: ProjectKeys
  let clock: FakeClock
  let app: ReturnType<typeof createApp>

  /** As after a restart of the server: everything but the database and the keys is new. */
  const start = (settings: Partial<AuthSettingsInput> = {}) => {
    const surface = createAuthSurface({
      database: test.database,
      keys,
      clock,
      passwords: options.passwords ?? createPasswordHasher(),
      settings: {
        issuer: 'http://plinth.test/sample/auth/v1',
        ...options.settings,
        ...settings,
        limits: {
          signInsPerAddress: unlimited,
          anonymousSignInsPerAddress: unlimited,
          refreshesPerAddress: unlimited,
          failuresPerAccount: unlimited,
          ...options.settings?.limits,
          ...settings.limits,
        },
      },
    })
    const project = { name: 'sample', keys, functionNames: new Set<string>(), surfaces: [surface] }
    app = createApp({ directory: createProjectDirectory([project]), health: [], clock, log: silentLog })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-auth-'))
    clock = createFakeClock(new Date())
    keys = await openProjectKeys('sample', join(folder, 'sample.json'), clock)
    foreignKeys = await openProjectKeys('other', join(folder, 'other.json'), clock)
    start()
  })
  afterAll(() => rm(folder, { recursive: true }))

  const send = async (path: string, given: RequestOptions = {}): Promise<Answer> => {
    const { method = 'GET', body, key = keys.anonKey, token = key, headers } = given
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await app.request(`/sample/auth/v1${path}`, {
      method,
      headers: { apikey: key, authorization: `Bearer ${token}`, ...headers },
      ...(text === undefined ? {} : { body: text }),
    })
    const answer = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: answer ? (JSON.parse(answer) as Json) : null,
    }
  }

  return {
    get database() {
      return test.database
    },
    get addresses() {
      return test.addresses
    },
    get clock() {
      return clock
    },
    get keys() {
      return keys
    },
    get foreignKeys() {
      return foreignKeys
    },
    restart: start,
    send,
    fetch: (path: string, init?: RequestInit) => app.request(`/sample/auth/v1${path}`, init),
    post: (path: string, body: unknown, given: RequestOptions = {}) =>
      send(path, { method: 'POST', body, ...given }),
    asService: (method: string, path: string, body?: unknown) =>
      send(path, { method, key: keys.serviceRoleKey, ...(body === undefined ? {} : { body }) }),
    signUp: (email: string, password = 'correct horse', data?: Json) =>
      send('/signup', { method: 'POST', body: { email, password, data } }),
    signIn: (email: string, password = 'correct horse') =>
      send('/token?grant_type=password', { method: 'POST', body: { email, password } }),
    refresh: (token: unknown) =>
      send('/token?grant_type=refresh_token', { method: 'POST', body: { refresh_token: token } }),
    /** An unmodified supabase-js whose requests end here. */
    client: (key: string = keys.anonKey) =>
      createClient('http://plinth.test/sample', key, {
        auth: { autoRefreshToken: false, persistSession: false },
        global: { fetch: async (input, init) => app.request(new Request(input, init)) },
      }),
  }
}
