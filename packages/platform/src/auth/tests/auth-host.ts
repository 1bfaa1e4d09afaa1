import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock, type FakeClock, useTestDatabase } from '@plinth/testing'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll } from 'vitest'
import { createApp, createProjectDirectory, openProjectKeys, type ProjectKeys } from '../../http/index.ts'
import { declareJobs, readJobMigrations, runDueJobs } from '../../jobs/index.ts'
import { deriveKey, type Json, newKey, silentLog } from '../../kernel/index.ts'
import { type MessageTransports, readInbox } from '../../messages/index.ts'
import {
  type AuthSettingsInput,
  type AuthSurface,
  createAuthSurface,
  createPasswordHasher,
  type PasswordHasher,
  readAuthMigrations,
} from '../index.ts'

/** A test that is about a limit sets it; no other test meets one. */
const unlimited: AuthSettingsInput = {
  rateLimitSignIns: 1_000_000,
  rateLimitAnonymousUsers: 1_000_000,
  rateLimitTokenRefresh: 1_000_000,
  rateLimitOtp: 1_000_000,
  rateLimitVerify: 1_000_000,
  rateLimitEmailSent: 1_000_000,
  rateLimitSmsSent: 1_000_000,
  rateLimitWrongPasswords: 1_000_000,
}

/** A message as the development inbox has it. */
export interface ReceivedMessage {
  readonly kind: 'mail' | 'sms'
  readonly subject: string
  readonly body: string
  readonly html: string | null
}

export interface AuthHostOptions {
  readonly settings?: AuthSettingsInput
  /** The project's address. Default one of this machine, where the inbox is open. */
  readonly url?: string
  /** What other capabilities send with. */
  readonly transports?: MessageTransports
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
    migrations: [readJobMigrations(), readAuthMigrations()],
    queue: true,
    ...(options.seed ? { seed: options.seed } : {}),
    ...(options.connections ? { connections: options.connections } : {}),
  })
  let folder: string
  let keys: ProjectKeys
  let foreignKeys: ProjectKeys
  let clock: FakeClock
  let app: ReturnType<typeof createApp>
  let surface: AuthSurface
  const master = newKey()
  const url = options.url ?? 'http://127.0.0.1:54321/sample'

  /** As after a restart of the server: everything but the database and the keys is new. */
  const start = (settings: AuthSettingsInput = {}) => {
    surface = createAuthSurface({
      database: test.database,
      keys,
      clock,
      log: silentLog,
      url,
      deriveKey: (purpose) => deriveKey(master, purpose),
      passwords: options.passwords ?? createPasswordHasher(),
      settings: { ...unlimited, ...options.settings, ...settings },
      ...(options.transports ? { transports: () => options.transports ?? {} } : {}),
    })
    const project = { name: 'sample', keys, functionNames: new Set<string>(), surfaces: surface.surfaces }
    app = createApp({
      directory: createProjectDirectory([project]),
      health: [],
      clock,
      log: silentLog,
      trustedProxies: 1,
    })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-auth-'))
    clock = createFakeClock(new Date())
    keys = await openProjectKeys('sample', join(folder, 'sample.json'), clock)
    foreignKeys = await openProjectKeys('other', join(folder, 'other.json'), clock)
    start()
    await declareJobs(test.database, surface.jobs, clock)
  })
  afterAll(async () => {
    await surface.close()
    await rm(folder, { recursive: true })
  })

  /** Sends what was queued. */
  const drain = () => runDueJobs({ database: test.database, jobs: surface.jobs, clock, log: silentLog })

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
    url,
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
    /** Messages to an address, newest first, once all that was posted is there. */
    messagesTo: async (recipient: string): Promise<readonly ReceivedMessage[]> => {
      await drain()
      const { rows } = await test.database.asOwner<ReceivedMessage>(readInbox(recipient))
      return rows
    },
    drain,
    /** A request to the project, outside the auth surface. */
    fetchProject: (path: string, init?: RequestInit) => app.request(`/sample${path}`, init),
    /** An unmodified supabase-js whose requests end here. */
    client: (key: string = keys.anonKey, auth: object = {}) =>
      createClient('http://plinth.test/sample', key, {
        auth: { autoRefreshToken: false, persistSession: false, ...auth },
        global: { fetch: async (input, init) => app.request(new Request(input, init)) },
      }),
  }
}
