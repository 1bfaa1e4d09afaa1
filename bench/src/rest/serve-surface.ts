/** The rest surface alone, below nothing but the check of the token: what this surface itself costs. */
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { openProjectDatabase } from '@plinth/platform/database'
import { openProjectKeys, type SurfaceEnv } from '@plinth/platform/http'
import { createLog, systemClock } from '@plinth/platform/kernel'
import { createRestSurface } from '@plinth/platform/rest'
import { Hono } from 'hono'
import { tell, told } from './told.ts'

const { requests, owner, folder, connections } = told()
const log = createLog('warn')
const keys = await openProjectKeys('bench', join(folder, 'keys.json'), systemClock)
const database = openProjectDatabase({
  system: 'bench',
  addresses: { requests, owner, ownerDirect: owner, replication: owner },
  log,
  connections: { requests: connections, owner: 2 },
})
const surface = createRestSurface({ database, log })
const app = new Hono<SurfaceEnv>()
app.use(async (c, next) => {
  const claims = await keys.verify(c.req.header('authorization')!.slice(7), systemClock)
  c.set('caller', { role: 'authenticated', claims })
  await next()
})
app.route(surface.path, surface.app)
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => tell(port))
