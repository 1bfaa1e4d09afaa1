import { Hono } from 'hono'
import type { ProjectDatabase } from '../../database/index.ts'
import { logFailure, renderPlainError, type Surface, type SurfaceEnv } from '../../http/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import type { AuthSettings } from '../settings.ts'
import { createInboxMessenger, emptyInbox, type InboxMessage, readInbox } from './inbox.ts'
import { inboxPage } from './inbox-page.ts'
import type { Messenger } from './messenger.ts'
import { createSmtpMessenger, isLoopback } from './smtp-messenger.ts'

interface Place {
  readonly settings: AuthSettings
  readonly url: string
}

/**
 * Open where no mail server is configured and the project is at a loopback address: on a developer's own machine. A command
 * without a server opens the project without an address, and needs no inbox.
 */
export const isInboxOpen = ({ settings, url }: Place): boolean =>
  settings.smtpHost === undefined && URL.canParse(url) && isLoopback(new URL(url).hostname)

/** The given messenger, else SMTP, else the inbox, else none. */
export function chooseMessenger(
  options: Place & {
    readonly database: ProjectDatabase
    readonly clock: Clock
    readonly messenger?: Messenger | undefined
  },
): Messenger {
  const { settings, database, clock, messenger } = options
  if (messenger) return messenger
  const { smtpHost } = settings
  if (smtpHost !== undefined) return createSmtpMessenger({ ...settings, smtpHost })
  return isInboxOpen(options) ? createInboxMessenger(database, settings, clock) : {}
}

/**
 * `/inbox`: a page for a person and the messages as JSON. Messages hold links that sign in, so only the service key reads
 * them, and only from this machine; the page itself shows nothing without it.
 */
export function createInboxSurface(database: ProjectDatabase): Surface {
  const app = new Hono<SurfaceEnv>()
  app.onError((error, c) => {
    const response = renderPlainError(error, c.var.requestId)
    logFailure(c.var.log, error, response.status)
    return response
  })
  app.use(async (c, next) => {
    if (!isLoopback(plainAddress(c.var.clientAddress))) throw authErrors.not_admin()
    await next()
    c.res.headers.set('cache-control', 'no-store')
  })
  app.get('/', (c) => c.html(inboxPage, 200, { 'content-security-policy': pagePolicy }))
  app.use('/messages', async (c, next) => {
    if (c.var.caller.role !== 'service_role') throw authErrors.not_admin()
    await next()
  })
  app.get('/messages', async (c) => {
    const { rows } = await database.asOwner<InboxMessage>(readInbox(c.req.query('recipient') ?? null))
    return c.json(rows)
  })
  app.delete('/messages', async (c) => {
    await database.asOwner(emptyInbox())
    return c.body(null, 204)
  })
  return {
    path: '/inbox',
    app,
    needsKey: (path) => path !== '/',
    renderError: renderPlainError,
    compresses: false,
  }
}

const plainAddress = (address: string): string => address.replace(/^::ffff:/i, '')

/** The page runs its own script and style, talks to its own server and may be framed by nobody. */
const pagePolicy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
