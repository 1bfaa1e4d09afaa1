import { Hono } from 'hono'
import type { ProjectDatabase } from '../database/index.ts'
import { logFailure, renderPlainError, type Surface, type SurfaceEnv } from '../http/index.ts'
import { messageErrors } from './errors.ts'
import { emptyInbox, type InboxMessage, readInbox } from './inbox.ts'
import { inboxPage } from './inbox-page.ts'
import { isLoopback } from './smtp-transport.ts'

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
    if (!isLoopback(plainAddress(c.var.clientAddress))) throw messageErrors.inbox_closed()
    await next()
    c.res.headers.set('cache-control', 'no-store')
  })
  app.get('/', (c) => c.html(inboxPage, 200, { 'content-security-policy': pagePolicy }))
  app.use('/messages', async (c, next) => {
    if (c.var.caller.role !== 'service_role') throw messageErrors.inbox_closed()
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
