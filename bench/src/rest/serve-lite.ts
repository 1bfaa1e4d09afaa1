/** The peer: `@supabase/lite` on the same PostgreSQL, as its documentation embeds it. */
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'
import { bringPeer } from './bring-peer.ts'
import { readInput, reportPort } from './server-input.ts'

interface Peer {
  readonly App: new (
    options: object,
  ) => {
    ensureSystemSchema(): Promise<void>
    init(): Promise<void>
    readonly server: { fetch(request: Request): Response | Promise<Response> }
  }
  createPostgresConnection(options: object): object
}

const { App, createPostgresConnection } = (await import(pathToFileURL(await bringPeer()).href)) as Peer
const { requests, jwtSecret, connections } = readInput()
const connection = createPostgresConnection({ url: requests, postgresOptions: { max: connections } })
const app = new App({
  connection,
  auth: { enabled: true, jwt_secret: jwtSecret },
  options: { server: { apiKeys: false } },
})
await app.ensureSystemSchema()
await app.init()
serve({ fetch: (request) => app.server.fetch(request), port: 0, hostname: '127.0.0.1' }, ({ port }) =>
  reportPort(port),
)
