import { Hono, type MiddlewareHandler } from 'hono'
import type { ProjectDatabase } from '../database/index.ts'
import {
  httpErrors,
  limitBody,
  logFailure,
  type ProjectKeys,
  type Surface,
  type SurfaceEnv,
} from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { AuthContext } from './auth-context.ts'
import { createUser } from './endpoints/admin/create-user.ts'
import { deleteUserById } from './endpoints/admin/delete-user.ts'
import { getUserById, listFactors } from './endpoints/admin/get-user.ts'
import { listUsersPage } from './endpoints/admin/list-users.ts'
import { updateUserById } from './endpoints/admin/update-user.ts'
import { issueToken } from './endpoints/issue-token.ts'
import { checkHealth, describeSettings, publishKeys } from './endpoints/public.ts'
import { addRefusals } from './endpoints/refuse-unsupported.ts'
import { signOut } from './endpoints/sign-out.ts'
import { signUp } from './endpoints/sign-up.ts'
import { getUser, updateUser } from './endpoints/user.ts'
import { createMemoryCounter, type MakeAttemptCounter } from './limits/attempt-counter.ts'
import { createAuthLimiter } from './limits/auth-limits.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import { apiVersionHeader, renderAuthError } from './render-error.ts'
import { type AuthSettingsInput, completeSettings } from './settings.ts'

export interface AuthSurfaceOptions {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly settings: AuthSettingsInput
  /** One for the whole process: its queue is what keeps sign-ins from taking all processors. */
  readonly passwords: PasswordHasher
  /** Where attempts are counted. Default: in memory. */
  readonly makeCounter?: MakeAttemptCounter
}

/** No endpoint reads more than an account's metadata and a password. */
const longestBody = 65_536

/** Reached without an API key: what browsers open by themselves, and what verifies tokens or watches the server. */
const keyless = new Set([
  '/health',
  '/.well-known/jwks.json',
  '/verify',
  '/callback',
  '/authorize',
  '/saml/metadata',
  '/saml/acs',
  '/sso/saml/metadata',
  '/sso/saml/acs',
])

/** The auth surface of one project: GoTrue's API over the accounts in its database. */
export function createAuthSurface(options: AuthSurfaceOptions): Surface {
  const { database, keys, clock, passwords, makeCounter = createMemoryCounter } = options
  const settings = completeSettings(options.settings)
  const limits = createAuthLimiter(settings.limits, makeCounter)
  return {
    path: '/auth/v1',
    app: createApp({ database, keys, clock, settings, passwords, limits }),
    needsKey: (path) => !keyless.has(path),
    renderError: (error, requestId) => renderAuthError(error, requestId),
    compresses: false,
  }
}

function createApp(auth: AuthContext): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>()
  app.onError((error, c) => {
    const response = renderAuthError(error, c.var.requestId, c.req.header(apiVersionHeader))
    logFailure(c.var.log, error, response.status)
    return response
  })
  app.use(limitBody(longestBody))
  app.use(forbidStoring)

  app.get('/health', checkHealth(auth))
  app.get('/settings', describeSettings(auth))
  app.get('/.well-known/jwks.json', publishKeys(auth))

  app.post('/signup', signUp(auth))
  app.post('/token', issueToken(auth))
  app.post('/logout', signOut(auth))
  app.get('/user', getUser(auth))
  app.put('/user', updateUser(auth))

  app.post('/admin/users', createUser(auth))
  app.get('/admin/users', listUsersPage(auth))
  app.get('/admin/users/:id', getUserById(auth))
  app.put('/admin/users/:id', updateUserById(auth))
  app.delete('/admin/users/:id', deleteUserById(auth))
  app.get('/admin/users/:id/factors', listFactors(auth))

  addRefusals(app)
  app.all('*', (c) => {
    throw httpErrors.not_found({ path: c.req.path })
  })
  return app
}

/** Answers carry tokens and personal facts: RFC 6749, section 5.1. Endpoints whose answer may be kept say so. */
const forbidStoring: MiddlewareHandler<SurfaceEnv> = async (c, next) => {
  await next()
  if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
}
