import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { Hono } from 'hono'
import { anonymousCaller, type ProjectDatabase } from '../../database/index.ts'
import { openProjectKeys, type ProjectKeys, type SurfaceEnv } from '../../http/index.ts'
import { type Clock, silentLog, systemClock } from '../../kernel/index.ts'
import { createTail, synchronisePublication, type Tail } from '../../tail/index.ts'
import {
  createRealtimeSurface,
  type RealtimeLimits,
  type RealtimeSurface,
  synchroniseRealtimeTables,
} from '../index.ts'

export interface ServedRealtime {
  readonly url: string
  readonly keys: ProjectKeys
  readonly tail: Tail
  readonly surface: RealtimeSurface
  /** A client; with a user id it speaks for that user. */
  client(user?: string, options?: { vsn?: string; key?: string }): Promise<SupabaseClient>
  /** A user's access token, an hour long unless said otherwise. */
  token(user: string, seconds?: number): Promise<string>
  stop(): Promise<void>
}

export interface ServeOptions {
  readonly database: ProjectDatabase
  readonly tables: readonly string[]
  readonly clock?: Clock
  readonly limits?: Partial<RealtimeLimits>
  readonly redisUrl?: string
  readonly keys?: ProjectKeys
  readonly port?: number
  readonly publicChannels?: boolean
}

/** A small HTTP server around the surface and a tail of its own, for tests and the bench. */
export async function serveRealtime(options: ServeOptions): Promise<ServedRealtime> {
  const { database, clock = systemClock } = options
  await synchroniseRealtimeTables(database, options.tables)
  await synchronisePublication(database, { journalled: [], realtime: options.tables, tenant: null })
  const keys = options.keys ?? (await makeKeys(database.system, clock))
  const tail = createTail({ database, log: silentLog })
  const surface = createRealtimeSurface({
    database,
    keys,
    feed: tail,
    clock,
    log: silentLog,
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.redisUrl ? { redisUrl: options.redisUrl } : {}),
    ...(options.publicChannels === undefined ? {} : { publicChannels: options.publicChannels }),
  })
  await surface.start()
  tail.start()
  const server = createServer(getRequestListener(mount(surface, keys, clock).fetch))
  server.on('upgrade', surface.handleUpgrade)
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clients: SupabaseClient[] = []

  const token = (user: string, seconds = 3600) => {
    const now = Math.floor(clock.now().getTime() / 1000)
    return keys.sign({ sub: user, role: 'authenticated', aud: 'authenticated', iat: now, exp: now + seconds })
  }

  return {
    url,
    keys,
    tail,
    surface,
    token,
    client: async (user, { vsn, key = keys.anonKey } = {}) => {
      const client = createClient(url, key, {
        auth: { persistSession: false, autoRefreshToken: false },
        realtime: { ...(vsn ? { vsn } : {}), reconnectAfterMs: () => 50 },
      })
      if (user) await client.realtime.setAuth(await token(user))
      clients.push(client)
      return client
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.realtime.disconnect()))
      await surface.stop()
      await tail.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function makeKeys(ref: string, clock: Clock = systemClock): Promise<ProjectKeys> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-realtime-'))
  try {
    return await openProjectKeys(ref, join(folder, 'keys.json'), clock)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function mount(surface: RealtimeSurface, keys: ProjectKeys, clock: Clock): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>()
  app.onError((error) => surface.renderError(error, 'test'))
  app.use(async (c, next) => {
    const bearer = c.req.header('authorization')?.replace(/^bearer /i, '') ?? c.req.header('apikey')
    const claims = bearer ? await keys.verify(bearer, clock) : anonymousCaller.claims
    c.set('caller', { role: String(claims.role ?? 'anon'), claims })
    c.set('requestId', 'test')
    await next()
  })
  app.route(surface.path, surface.app)
  return app
}
