import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock, type FakeClock, useTestDatabase } from '@plinth/testing'
import { pino } from 'pino'
import { afterAll, beforeAll } from 'vitest'
import type { Caller } from '../../database/index.ts'
import {
  createApp,
  createProjectDirectory,
  type HostedProject,
  openProjectKeys,
  type ProjectKeys,
} from '../../http/index.ts'
import { createRoutesSurface, type RoutesSurfaceOptions, routeNamesOf } from '../index.ts'

export interface Asked {
  readonly method?: string
  /** Who asks, by the project's own keys and tokens; null sends none. */
  readonly as?: Caller | null
  /** Sent as JSON, unless it is a body already. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What came back. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the server said
  readonly body: any
}

type Options = Partial<RoutesSurfaceOptions> & { readonly seed?: string } & Pick<
    HostedProject,
    'callers' | 'cors'
  >

/** A project for a test file: the real HTTP side, keys and database, with these routes in it. */
export function useRoutes({ seed, callers = [], ...options }: Options) {
  const test = useTestDatabase(seed === undefined ? {} : { seed })
  const logged: string[] = []
  let folder: string
  let keys: ProjectKeys
  let clock: FakeClock
  let app: ReturnType<typeof createApp>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-routes-'))
    clock = createFakeClock(new Date())
    keys = await openProjectKeys('sample', join(folder, 'keys'), clock)
    const surfaces = createRoutesSurface({ database: test.database, clock, ...options })
    const project = { name: 'sample', functionNames: routeNamesOf(options), keys, surfaces, callers }
    app = createApp({
      directory: createProjectDirectory<HostedProject>([project]),
      health: [],
      clock,
      log: pino({}, { write: (line: string) => logged.push(line) }),
      trustedProxies: 1,
    })
  })
  afterAll(() => rm(folder, { recursive: true }))

  const credentials = async (as: Caller | null): Promise<Record<string, string>> => {
    if (as === null) return {}
    if (as.role === 'service_role') return { apikey: keys.serviceRoleKey }
    const token = as.role === 'authenticated' ? await keys.sign({ ...as.claims }) : undefined
    return { apikey: keys.anonKey, ...(token ? { authorization: `Bearer ${token}` } : {}) }
  }
  const ask = async (path: string, { method, as = null, body, headers }: Asked = {}): Promise<Answered> => {
    const isBody =
      typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData || body === undefined
    const response = await app.request(`/sample${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(await credentials(as)),
        ...(isBody ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isBody ? (body as string) : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text ? JSON.parse(text) : null,
    }
  }
  return {
    ask,
    /** Calls a function by POST. */
    call: (name: string, as: Caller | null, body: unknown = {}, asked: Asked = {}) =>
      ask(`/functions/v1/${name}`, { method: 'POST', as, body, ...asked }),
    logged,
    get app() {
      return app
    },
    get keys() {
      return keys
    },
    get database() {
      return test.database
    },
  }
}
