import { readFileSync } from 'node:fs'
import { actor, service, stranger, useTestDatabase } from '@plinth/testing'
import { PostgrestClient } from '@supabase/postgrest-js'
import { Hono } from 'hono'
import { beforeAll } from 'vitest'
import type { Caller } from '../../database/index.ts'
import type { SurfaceEnv } from '../../http/index.ts'
import { silentLog } from '../../kernel/index.ts'
import { createRestSurface, type RestOptions, type RestSurface } from '../index.ts'
import { readRestMigrations } from '../receipts/migrations.ts'

const seed = readFileSync(new URL('./films.sql', import.meta.url), 'utf8')

/** What a test sends besides method and path. */
export interface Sent {
  readonly as?: Caller
  readonly headers?: Record<string, string>
  /** Sent as JSON unless it is a text or a stream already. */
  readonly body?: unknown
}

/** An answer, read. */
export interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, or undefined. */
  readonly json: unknown
}

const callers: Readonly<Record<string, Caller>> = { stranger, service, ada: actor('ada'), bob: actor('bob') }

/** The surface over the films of `films.sql`, and clients of it that open no port. */
export function useRest(options: Partial<RestOptions> = {}) {
  const db = useTestDatabase({ seed, ...(options.receipts ? { migrations: [readRestMigrations()] } : {}) })
  let surface: RestSurface | undefined
  let app: Hono<SurfaceEnv> | undefined
  beforeAll(() => {
    surface = createRestSurface({ database: db.database, log: silentLog, ...options })
    app = mount(surface)
  })
  const request = async (method: string, path: string, sent: Sent = {}): Promise<Received> => {
    const { as = service, headers = {}, body } = sent
    const name = Object.entries(callers).find(([, caller]) => caller === as)?.[0]
    const response = await app!.request(`/rest/v1${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        'x-test-caller': name ?? JSON.stringify(as),
        ...headers,
      },
      ...(body === undefined ? {} : { body: toBody(body), duplex: 'half' }),
    })
    return read(response)
  }
  return {
    db,
    request,
    get: (path: string, sent?: Sent) => request('GET', path, sent),
    surface: () => surface!,
    /** The body of a function's answer, byte by byte. */
    bytes: async (path: string, accept: string) => {
      const response = await app!.request(`/rest/v1${path}`, {
        headers: { accept, 'x-test-caller': 'service' },
      })
      return new Uint8Array(await response.arrayBuffer())
    },
    /** A real client whose requests go to the surface. */
    client: (as: Caller = service) =>
      new PostgrestClient('http://plinth.test/rest/v1', {
        headers: { 'x-test-caller': JSON.stringify(as) },
        fetch: (input, init) => Promise.resolve(app!.request(input as string, init)),
      }),
  }
}

const toBody = (body: unknown): string | ReadableStream =>
  typeof body === 'string' || body instanceof ReadableStream ? body : JSON.stringify(body)

function mount(surface: RestSurface): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>({ strict: false })
  app.use(async (c, next) => {
    const name = c.req.header('x-test-caller') ?? 'stranger'
    c.set('caller', callers[name] ?? (JSON.parse(name) as Caller))
    c.set('requestId', 'test-request')
    c.set('log', silentLog)
    await next()
  })
  return app.route(surface.path, surface.app)
}

async function read(response: Response): Promise<Received> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
