import { Hono } from 'hono'
import type { HostedProject } from './app-options.ts'
import { httpErrors } from './errors.ts'
import { renderPlainError } from './render-error.ts'
import type { SurfaceEnv } from './surface.ts'

/** Seconds after which a client had better ask again. */
const retryAfter = 10

/** Stands where a project answers that has not started: every request is told so, whatever key it carries. */
export function unavailableProject({
  name,
  functionNames,
  keys,
}: Pick<HostedProject, 'name' | 'functionNames' | 'keys'>): HostedProject {
  const refuse = () => {
    throw httpErrors.project_unavailable({ name, seconds: retryAfter })
  }
  const surface = {
    path: '',
    app: new Hono<SurfaceEnv>().all('*', refuse),
    needsKey: () => false,
    ignoresCredentials: () => true,
    renderError: renderPlainError,
    handleUpgrade: async () => refuse(),
  }
  return { name, functionNames, keys, surfaces: [surface] }
}
