import { Hono, type MiddlewareHandler } from 'hono'
import type { ProjectDatabase } from '../database/index.ts'
import {
  type CreateLimiter,
  createMemoryLimiter,
  httpErrors,
  limitBody,
  logFailure,
  type ProjectKeys,
  type Surface,
  type SurfaceEnv,
} from '../http/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { AuthContext } from './auth-context.ts'
import { createCodeSecrets } from './codes/code-secrets.ts'
import { createUser } from './endpoints/admin/create-user.ts'
import { deleteUserById } from './endpoints/admin/delete-user.ts'
import { deleteUserFactor, listFactors } from './endpoints/admin/factors.ts'
import { generateLink, inviteUser } from './endpoints/admin/generate-link.ts'
import { getUserById } from './endpoints/admin/get-user.ts'
import { listUsersPage } from './endpoints/admin/list-users.ts'
import { updateUserById } from './endpoints/admin/update-user.ts'
import { challengeFactor, unenrollFactor, verifyFactor } from './endpoints/factors/answer.ts'
import { enrollFactor } from './endpoints/factors/enroll.ts'
import {
  generateRecoveryCodes,
  recoveryCodesStatus,
  regenerateRecoveryCodes,
  removeRecoveryCodes,
  verifyRecoveryCode,
} from './endpoints/factors/recovery-codes.ts'
import { issueToken } from './endpoints/issue-token.ts'
import { authorize, authorizeLink } from './endpoints/oauth/authorize.ts'
import { oauthCallback } from './endpoints/oauth/callback.ts'
import { unlinkIdentity } from './endpoints/oauth/unlink.ts'
import { checkHealth, describeSettings, publishKeys } from './endpoints/public.ts'
import { addRefusals } from './endpoints/refuse-unsupported.ts'
import { reauthenticate, recover, resend, sendOtp } from './endpoints/send-codes.ts'
import { signOut } from './endpoints/sign-out.ts'
import { signUp } from './endpoints/sign-up.ts'
import { getUser, updateUser } from './endpoints/user.ts'
import { followLink, verifyCode } from './endpoints/verify.ts'
import { createAuthLimiter } from './limits/auth-limits.ts'
import { chooseMessenger, createInboxSurface, isInboxOpen } from './messages/inbox-surface.ts'
import type { Messenger } from './messages/messenger.ts'
import { createOutbox } from './messages/outbox.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import { openProviders } from './providers/open-providers.ts'
import { apiVersionHeader, renderAuthError } from './render-error.ts'
import { type AuthSettingsInput, completeSettings } from './settings.ts'

export interface AuthSurfaceOptions {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly log: Log
  /** The address that clients use for the project, without a trailing slash: `https://example.com/shops`. */
  readonly url: string
  readonly settings?: AuthSettingsInput
  /** A 32-byte key for one purpose, from the project's master key: seals secrets of second factors, checks codes. */
  deriveKey(purpose: string): Buffer
  /** One for the whole process: its queue is what keeps sign-ins from taking all processors. */
  readonly passwords: PasswordHasher
  /** Sends mails and SMS. Default: SMTP as the settings say, else the development inbox while the project is at a loopback address. */
  readonly messenger?: Messenger
  /** Where attempts are counted. Default: in memory. */
  readonly createLimiter?: CreateLimiter
}

/** The auth surface of a project, and what goes with it. */
export interface AuthSurface {
  /** `/auth/v1`, and `/inbox` where the development inbox is open. */
  readonly surfaces: readonly Surface[]
  /** Resolves when all messages that were posted are out or given up. */
  drain(): Promise<void>
  close(): Promise<void>
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
export function createAuthSurface(options: AuthSurfaceOptions): AuthSurface {
  const {
    database,
    keys,
    clock,
    log,
    url,
    passwords,
    deriveKey,
    createLimiter = createMemoryLimiter,
  } = options
  const settings = completeSettings(options.settings ?? {}, url)
  const limits = createAuthLimiter(settings, database.system, createLimiter)
  const outbox = createOutbox(chooseMessenger({ ...options, settings }), log)
  const codes = createCodeSecrets(deriveKey('auth/one-time-codes'))
  const surface: Surface = {
    path: '/auth/v1',
    app: createApp({
      database,
      keys,
      clock,
      log,
      settings,
      url,
      passwords,
      limits,
      codes,
      outbox,
      providers: openProviders(settings),
      deriveKey,
    }),
    needsKey: (path) => !keyless.has(path),
    renderError: (error, requestId) => renderAuthError(error, requestId),
    compresses: false,
  }
  const hasInbox = !options.messenger && isInboxOpen({ settings, url })
  return {
    surfaces: [surface, ...(hasInbox ? [createInboxSurface(database)] : [])],
    drain: () => outbox.drain(),
    close: () => outbox.close(),
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

  app.post('/otp', sendOtp(auth))
  app.post('/magiclink', sendOtp(auth))
  app.post('/recover', recover(auth))
  app.post('/resend', resend(auth))
  app.get('/reauthenticate', reauthenticate(auth))
  app.post('/verify', verifyCode(auth))
  app.get('/verify', followLink(auth))

  app.get('/authorize', authorize(auth))
  app.get('/callback', oauthCallback(auth))
  app.get('/user/identities/authorize', authorizeLink(auth))
  app.delete('/user/identities/:id', unlinkIdentity(auth))

  app.post('/factors', enrollFactor(auth))
  app.get('/factors/recovery-codes', recoveryCodesStatus(auth))
  app.post('/factors/recovery-codes', generateRecoveryCodes(auth))
  app.post('/factors/recovery-codes/regenerate', regenerateRecoveryCodes(auth))
  app.post('/factors/recovery-codes/verify', verifyRecoveryCode(auth))
  app.delete('/factors/recovery-codes', removeRecoveryCodes(auth))
  app.post('/factors/:id/challenge', challengeFactor(auth))
  app.post('/factors/:id/verify', verifyFactor(auth))
  app.delete('/factors/:id', unenrollFactor(auth))

  app.post('/invite', inviteUser(auth))
  app.post('/admin/generate_link', generateLink(auth))
  app.post('/admin/users', createUser(auth))
  app.get('/admin/users', listUsersPage(auth))
  app.get('/admin/users/:id', getUserById(auth))
  app.put('/admin/users/:id', updateUserById(auth))
  app.delete('/admin/users/:id', deleteUserById(auth))
  app.get('/admin/users/:id/factors', listFactors(auth))
  app.delete('/admin/users/:id/factors/:factor', deleteUserFactor(auth))

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
