/** The rest surface alone, below nothing but the check of the token: what this surface itself costs. */
import { serve } from '@hono/node-server'
import type { SurfaceEnv } from '@plinth/platform/http'
import { systemClock } from '@plinth/platform/kernel'
import { Hono } from 'hono'
import { openRest } from './open-rest.ts'
import { reportPort } from './server-input.ts'

const { keys, surface } = await openRest()
const app = new Hono<SurfaceEnv>()
app.use(async (c, next) => {
  const claims = await keys.verify(c.req.header('authorization')!.slice(7), systemClock)
  c.set('caller', { role: 'authenticated', claims })
  await next()
})
app.route(surface.path, surface.app)
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => reportPort(port))
