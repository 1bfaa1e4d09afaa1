import type { Context, Env, Hono } from 'hono'
import type { Clock, Log } from '../kernel/index.ts'
import { callerByKeys, readCredentials } from './callers/identify-caller.ts'
import {
  createHealthReports,
  type HealthCheck,
  type HealthReport,
  withDetailsOf,
  withoutDetails,
} from './health.ts'
import type { ProjectKeys } from './keys/project-keys.ts'

export interface HealthRoutesOptions {
  readonly checks: readonly HealthCheck[]
  readonly projects: readonly { readonly name: string; readonly keys: ProjectKeys }[]
  readonly clock: Clock
  readonly log: Log
}

/**
 * `/health/live` answers while the process does, whatever else is busy; `/health/ready` is 503 while a part is down;
 * `/health` says which. Anybody reads one word for each part; what is off, and figures, are for a project's service key.
 */
export function addHealthRoutes<E extends Env>(app: Hono<E>, options: HealthRoutesOptions): void {
  const report = createHealthReports(options.checks, options.log)
  app.get('/health/live', (c) => c.json({ status: 'ok' }))
  app.get('/health/ready', async (c) => {
    const { status } = await report()
    return c.json({ status }, status === 'down' ? 503 : 200)
  })
  app.get('/health', async (c) => {
    const [whole, project] = await Promise.all([report(), projectOfServiceKey(c, options)])
    const shown: HealthReport = project === undefined ? withoutDetails(whole) : withDetailsOf(project, whole)
    return c.json(shown, whole.status === 'down' ? 503 : 200)
  })
}

/** The project that the request's service key opens. A wrong key is none: it is told what everybody is. */
async function projectOfServiceKey(c: Context, { projects, clock }: HealthRoutesOptions) {
  const credentials = readCredentials((name) => c.req.header(name), undefined)
  if (!credentials.apiKey && !credentials.bearer) return undefined
  for (const { name, keys } of projects) {
    const caller = await callerByKeys(keys, credentials, clock).catch(() => undefined)
    if (caller?.role === 'service_role') return name
  }
  return undefined
}
