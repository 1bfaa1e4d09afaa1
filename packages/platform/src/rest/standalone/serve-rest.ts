import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { openProjectDatabase, type ProjectDatabase } from '../../database/index.ts'
import {
  createBodyRoom,
  defaultBodyLimit,
  limitBody,
  listen,
  preflight,
  type SurfaceEnv,
} from '../../http/index.ts'
import { type Clock, type Log, newId, newSecret } from '../../kernel/index.ts'
import { listenForReload, type ReloadListener } from '../catalogue/listen-for-reload.ts'
import { createRestSurface, type RestSurface } from '../rest.ts'
import { checkDatabase, connectOnce } from './check-database.ts'
import { readDatabaseSettings } from './database-settings.ts'
import type { RestSettings } from './settings.ts'
import { createIdentifier } from './verify-token.ts'

export interface ServeRestOptions {
  readonly settings: RestSettings
  readonly clock: Clock
  readonly log: Log
}

/** A rest surface that answers alone, at the root of its own port. */
export interface ServedRest {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

const stopGrace = 5_000

/** Serves a person's own database over PostgREST's protocol. Nothing is installed in it and nothing is changed. */
export async function serveRest({ settings: given, clock, log }: ServeRestOptions): Promise<ServedRest> {
  const database = openDatabase(given, log)
  let listener: ReloadListener | undefined
  try {
    await connectOnce(database)
    const settings = await readDatabaseSettings(database, given)
    await checkDatabase(database, settings)
    const surface = createSurface(settings, database, log)
    await surface.reload()
    if (settings['db-channel-enabled']) {
      const channel = settings['db-channel']
      listener = await listenForReload({
        directUrl: settings['db-uri'],
        channel,
        log,
        reload: surface.reload,
      })
    }
    const host = settings['server-host']
    const app = createApp(surface, settings, clock, log)
    const listening = await listen({ app, host, port: settings['server-port'] })
    return {
      port: listening.port,
      url: `http://${host.includes(':') ? `[${host}]` : host}:${listening.port}`,
      stop: async () => {
        await listening.stop(stopGrace)
        await listener?.close()
        await database.close()
      },
    }
  } catch (error) {
    await listener?.close()
    await database.close()
    throw error
  }
}

/** One login for everything, as PostgREST has it: it reads the catalogue and becomes the callers' roles. */
function openDatabase(settings: RestSettings, log: Log): ProjectDatabase {
  const url = withSessionSettings(settings['db-uri'], settings['app-settings'])
  return openProjectDatabase({
    system: 'rest',
    addresses: {
      requests: url,
      owner: url,
      ownerDirect: url,
      journal: url,
      replication: url,
      actorSecret: newSecret(),
    },
    log,
    connections: { requests: settings['db-pool'], owner: 1 },
    statementTimeouts: {},
  })
}

/** `app.settings.…` as options of the connection, which every transaction finds and `reset all` comes back to. */
function withSessionSettings(uri: string, settings: Readonly<Record<string, string>>): string {
  const url = new URL(uri)
  const options = Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)}`,
  )
  if (options.length === 0) return uri
  url.searchParams.set('options', [url.searchParams.get('options') ?? '', ...options].join(' ').trim())
  return url.href
}

function createSurface(settings: RestSettings, database: ProjectDatabase, log: Log): RestSurface {
  const anonymousRole = settings['db-anon-role']
  const maxRows = settings['db-max-rows']
  const preRequest = settings['db-pre-request']
  return createRestSurface({
    database,
    log,
    schemas: settings['db-schemas'],
    extraSearchPath: settings['db-extra-search-path'],
    transactionEnd: settings['db-tx-end'],
    aggregates: settings['db-aggregates-enabled'],
    plans: settings['db-plan-enabled'],
    description: settings['openapi-mode'],
    safeUpdate: false,
    dropsTemporary: true,
    ...(anonymousRole === undefined ? {} : { anonymousRole }),
    ...(maxRows === undefined ? {} : { maxRows }),
    ...(preRequest === undefined ? {} : { preRequest }),
    ...(settings['db-prepared-statements'] ? {} : { preparedAfter: 0 }),
  })
}

function createApp(surface: RestSurface, settings: RestSettings, clock: Clock, log: Log): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>({ strict: false })
  app.onError((error, c: Context<SurfaceEnv>) => surface.renderError(error, c.var.requestId))
  // Without a method to ask for it is no preflight: rest says which methods it allows.
  app.options('*', (c, next) =>
    c.req.header('access-control-request-method') === undefined ? next() : preflight(c, next),
  )
  const trace = settings['server-trace-header']
  if (trace !== undefined) app.use(echo(trace))
  app.use(limitBody(defaultBodyLimit, createBodyRoom()))
  app.use(identify(settings, clock, log))
  return app.route('/', surface.app)
}

/** Sends a header of the request back with the answer, by which a proxy's logs and ours are matched. */
const echo =
  (name: string): MiddlewareHandler<SurfaceEnv> =>
  async (c, next) => {
    await next()
    const value = c.req.header(name)
    if (value !== undefined) c.header(name, value)
  }

function identify(settings: RestSettings, clock: Clock, log: Log): MiddlewareHandler<SurfaceEnv> {
  const identifyCaller = createIdentifier(settings, clock)
  return async (c, next) => {
    const requestId = newId()
    c.set('requestId', requestId)
    c.set('log', log)
    const caller = await identifyCaller(c.req.header('authorization') ?? null)
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD'
    c.set('caller', reads ? { ...caller, gone: c.req.raw.signal } : caller)
    await next()
  }
}
