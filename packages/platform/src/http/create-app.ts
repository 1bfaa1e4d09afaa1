import { Hono } from 'hono'
import { addressesOf, canonicalPath, isUnaddressed, longestFirst, pathOf } from './address.ts'
import { type AppOptions, defaultBodyLimit, type RootEnv } from './app-options.ts'
import { createBodyRoom } from './body-room.ts'
import { preflight } from './cors/preflight.ts'
import { enterSurface } from './enter-surface.ts'
import { httpErrors } from './errors.ts'
import { addHealthRoutes } from './health-routes.ts'
import { limitBody } from './limit-body.ts'
import { logFailure, renderPlainError } from './render-error.ts'
import { refusePlainHttp, startRequest } from './start-request.ts'

/** The whole HTTP side: every project's surfaces below its prefix, the server's own pages and health at the root. */
export function createApp(options: AppOptions): Hono<RootEnv> {
  const { directory, rootSurfaces = [], bodyLimitBytes = defaultBodyLimit } = options
  const rootPaths = ['/health', ...rootSurfaces.map(({ path }) => path)]
  requireOwnAddresses([...rootPaths, ...addressesOf(directory.projects)])
  const bodyRoom = createBodyRoom(options.bodyRoomBytes)
  const app = new Hono<RootEnv>({ getPath: (request) => canonicalPath(request, directory, rootPaths) })
  app.onError((error, c) => renderFailure(error, c))
  app.notFound((c) => {
    const path = pathOf(c.req.url)
    return renderFailure(
      isUnaddressed(c.req.path) ? httpErrors.unknown_project() : httpErrors.not_found({ path }),
      c,
    )
  })
  app.use(startRequest(options))
  addHealthRoutes(app, { ...options, checks: options.health, projects: directory.projects })
  if (options.publicUrl?.startsWith('https:')) app.use(refusePlainHttp(options))
  for (const { path, app: pages } of rootSurfaces) {
    app.use(`${path}/*`, limitBody(bodyLimitBytes, bodyRoom))
    app.route(path, pages as unknown as Hono<RootEnv>)
  }
  for (const project of directory.projects) {
    for (const surface of longestFirst(project.surfaces)) {
      const base = `/${project.name}${surface.path}`
      app.use(`${base}/*`, enterSurface({ ...options, project, surface, bodyLimitBytes, bodyRoom }))
      app.route(base, surface.app)
    }
  }
  app.options('*', preflight)
  return app
}

function requireOwnAddresses(paths: readonly string[]): void {
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice !== undefined) throw httpErrors.address_taken({ path: twice })
}

function renderFailure(error: unknown, c: { readonly var: RootEnv['Variables'] }): Response {
  const { requestId, surface, log } = c.var
  const response = surface ? surface.renderError(error, requestId) : renderPlainError(error, requestId)
  logFailure(log, error, response.status)
  return response
}
