import { type ErrorHandler, Hono, type MiddlewareHandler } from 'hono'
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
import type { JobDefinition } from '../jobs/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import {
  createInbox,
  createInboxSurface,
  createSmtpTransport,
  hasInbox,
  type MailTransport,
  type MessageTransports,
} from '../messages/index.ts'
import type { AuthContext } from './auth-context.ts'
import { type AuthCalls, createAuthCalls } from './call-auth.ts'
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
import { createOutbox } from './messages/outbox.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import { openProviders } from './providers/open-providers.ts'
import { apiVersionHeader, renderAuthError } from './render-error.ts'
import { type AuthSettings, type AuthSettingsInput, completeSettings } from './settings.ts'

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
  /** What other capabilities send with; used where the settings name no mail server. Asked at each message. */
  transports?(): MessageTransports
  /** Where attempts are counted. Default: in memory. */
  readonly createLimiter?: CreateLimiter
}

/** The auth surface of a project, and what goes with it. */
export interface AuthSurface {
  /** `/auth/v1`, and `/inbox` where the development inbox is open. */
  readonly surfaces: readonly Surface[]
  /** What sends the messages that the surface queues. */
  readonly jobs: readonly JobDefinition[]
  /** Its own mail server, for whoever else has mails to send. */
  readonly mail: MailTransport | undefined
  /** The endpoints for routes of the system. */
  readonly calls: AuthCalls
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
  const mail = openMailServer(settings)
  const isInboxOpen = mail === undefined && hasInbox(url)
  const inbox = isInboxOpen ? createInbox(database, clock) : undefined
  const outbox = createOutbox({
    settings,
    clock,
    key: deriveKey('auth/messages'),
    transports: () => {
      const others = options.transports?.()
      return { mail: mail ?? others?.mail ?? inbox?.mail, sms: others?.sms ?? inbox?.sms }
    },
  })
  const codes = createCodeSecrets(deriveKey('auth/one-time-codes'))
  const auth: AuthContext = {
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
  }
  const surface: Surface = {
    path: '/auth/v1',
    app: createApp(auth, answerFailure),
    needsKey: (path) => !keyless.has(path),
    renderError: (error, requestId) => renderAuthError(error, requestId),
    compresses: false,
  }
  return {
    surfaces: [surface, ...(isInboxOpen ? [createInboxSurface(database)] : [])],
    jobs: outbox.jobs,
    mail,
    calls: createAuthCalls(createApp(auth, passOn)),
    close: async () => mail?.close?.(),
  }
}

function openMailServer(settings: AuthSettings): MailTransport | undefined {
  const { smtpHost: host, smtpPort: port, smtpUser: user, smtpPass: pass } = settings
  if (host === undefined) return undefined
  const from = { name: settings.smtpSenderName, address: settings.smtpAdminEmail ?? '' }
  return createSmtpTransport({ host, port, user, pass, from })
}

const answerFailure: ErrorHandler<SurfaceEnv> = (error, c) => {
  const response = renderAuthError(error, c.var.requestId, c.req.header(apiVersionHeader))
  logFailure(c.var.log, error, response.status)
  return response
}

/** Who calls from inside renders failures as its own clients expect. */
const passOn: ErrorHandler<SurfaceEnv> = (error) => {
  throw error
}

function createApp(auth: AuthContext, onError: ErrorHandler<SurfaceEnv>): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>()
  app.onError(onError)
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
