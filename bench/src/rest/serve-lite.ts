/** The peer: `@supabase/lite` on the same PostgreSQL, as its documentation embeds it. */
import { serve } from '@hono/node-server'
import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import { tell, told } from './told.ts'

const { requests, jwtSecret, connections } = told()
const connection = createPostgresConnection({ url: requests, postgresOptions: { max: connections } })
const app = new App({
  connection,
  auth: { enabled: true, jwt_secret: jwtSecret },
  options: { server: { apiKeys: false } },
} as ConstructorParameters<typeof App>[0])
await app.ensureSystemSchema()
await app.init()
serve({ fetch: (request) => app.server.fetch(request), port: 0, hostname: '127.0.0.1' }, ({ port }) =>
  tell(port),
)
