import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { silentLog, systemClock } from '../../kernel/index.ts'
import {
  type AppOptions,
  createApp,
  type HostedProject,
  listen,
  openProjectKeys,
  type UpgradeHandler,
} from '../index.ts'
import { createProjectDirectory } from '../project-directory.ts'
import { renderPlainError } from '../render-error.ts'
import type { Surface, SurfaceEnv } from '../surface.ts'

/** A surface that says which one it is and what reached it. */
export function namedSurface(path: string, given: Partial<Surface> = {}): Surface {
  const app = new Hono<SurfaceEnv>()
  app.all('*', async (c) => {
    const { caller, clientAddress, isSecure } = c.var
    const bytes = (await c.req.arrayBuffer()).byteLength
    return c.json({
      surface: path,
      path: c.var.path,
      method: c.req.method,
      caller,
      clientAddress,
      isSecure,
      bytes,
    })
  })
  return { path, app, needsKey: () => false, renderError: renderPlainError, ...given }
}

type Given = Partial<Omit<HostedProject, 'keys'>> & { readonly name: string }

/** An app that hosts these projects, with keys of their own. */
export async function hostSurfaces(projects: readonly Given[], options: Partial<AppOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-http-'))
  const hosted = await Promise.all(
    projects.map(async (project) => ({
      functionNames: new Set<string>(),
      surfaces: [],
      ...project,
      keys: await openProjectKeys(project.name, join(folder, project.name), systemClock),
    })),
  )
  const directory = createProjectDirectory<HostedProject>(hosted)
  const app = createApp({
    directory,
    health: [],
    clock: systemClock,
    log: silentLog,
    ...options,
  })
  return {
    app,
    directory,
    keys: hosted.map(({ keys }) => keys),
    remove: () => rm(folder, { recursive: true }),
  }
}

/** Runs `work` against an app on a real socket. */
export async function onSocket<T>(
  app: ReturnType<typeof createApp>,
  work: (url: string) => Promise<T>,
  onUpgrade: UpgradeHandler = (_, socket) => socket.destroy(),
): Promise<T> {
  const listening = await listen({ app, host: '127.0.0.1', port: 0, onUpgrade })
  try {
    return await work(`http://127.0.0.1:${listening.port}`)
  } finally {
    await listening.stop(0)
  }
}
