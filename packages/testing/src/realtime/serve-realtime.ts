import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { anonymousCaller, type ProjectDatabase } from '@plinth/platform/database'
import {
  createProjectDirectory,
  createUpgrades,
  listen,
  openProjectKeys,
  type ProjectKeys,
  type SurfaceEnv,
} from '@plinth/platform/http'
import { type Clock, type Log, silentLog, systemClock } from '@plinth/platform/kernel'
import {
  createRealtimeSurface,
  type RealtimeLimitSettings,
  type RealtimeSurface,
  synchroniseRealtimeTables,
} from '@plinth/platform/realtime'
import { createTail, synchronisePublication, type Tail } from '@plinth/platform/tail'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { Hono } from 'hono'

export interface ServedRealtime {
  readonly url: string
  readonly keys: ProjectKeys
  readonly tail: Tail
  readonly surface: RealtimeSurface
  /** A client; with a user id it speaks for that user, whose token is renewed as by auth. */
  client(user?: string, options?: { vsn?: string; key?: string }): Promise<SupabaseClient>
  /** From now on the client has this token. */
  speakAs(client: SupabaseClient, token: string): Promise<void>
  /** A user's access token, an hour long unless said otherwise. */
  token(user: string, seconds?: number): Promise<string>
  /** Cuts every connection off without a word, as a network does. */
  cut(): void
  stop(): Promise<void>
}

export interface ServeOptions {
  readonly database: ProjectDatabase
  readonly tables: readonly string[]
  readonly clock?: Clock
  readonly log?: Log
  readonly limits?: RealtimeLimitSettings
  readonly redisUrl?: string
  readonly keys?: ProjectKeys
  readonly port?: number
  readonly publicChannels?: boolean
}

/** A small HTTP server around the surface and a tail of its own, for tests and the bench. */
export async function serveRealtime(options: ServeOptions): Promise<ServedRealtime> {
  const { database, clock = systemClock } = options
  await synchroniseRealtimeTables(database, options.tables)
  await synchronisePublication(database, { tables: options.tables })
  const keys = options.keys ?? (await makeKeys(database.system, clock))
  const tail = createTail({ database, log: silentLog })
  const surface = createRealtimeSurface({
    database,
    keys,
    feed: tail,
    clock,
    log: options.log ?? silentLog,
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.redisUrl ? { redisUrl: options.redisUrl } : {}),
    ...(options.publicChannels === undefined ? {} : { publicChannels: options.publicChannels }),
  })
  await surface.start()
  tail.start()
  const project = { name: 'test', functionNames: new Set<string>(), keys, surfaces: [surface] }
  const upgrade = createUpgrades({ directory: createProjectDirectory([project]), log: silentLog })
  const sockets = new Set<Duplex>()
  const listening = await listen({
    app: mount(surface, keys, clock),
    host: '127.0.0.1',
    port: options.port ?? 0,
    onUpgrade: (request, socket, head) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      upgrade(request, socket, head)
    },
  })
  const url = `http://127.0.0.1:${listening.port}`
  const clients = new Map<SupabaseClient, { token: string }>()

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
      const holder = { token: user ? await token(user) : key }
      const client = createClient(url, key, {
        accessToken: () => Promise.resolve(holder.token),
        realtime: { ...(vsn ? { vsn } : {}), reconnectAfterMs: () => 50 },
      })
      clients.set(client, holder)
      await client.realtime.setAuth()
      return client
    },
    speakAs: async (client, next) => {
      clients.get(client)!.token = next
      await client.realtime.setAuth()
    },
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    stop: async () => {
      await Promise.all([...clients.keys()].map((client) => client.realtime.disconnect()))
      await surface.stop()
      await tail.stop()
      await listening.stop(0)
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
    c.set('clientAddress', '127.0.0.1')
    await next()
  })
  app.route(surface.path, surface.app)
  return app
}
