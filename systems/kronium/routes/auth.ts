import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { type RouteContext, reply } from '@plinth/platform/routes'
import type { CookieSessions } from '@plinth/platform/sessions'
import { z } from 'zod'
import { contact, user } from '../rows/schemas.ts'
import { defineRoute } from '../uses.ts'

const password = z.string().min(8).max(128)

/** True: the session is kept in cookies that scripts cannot read, and the answer has a CSRF token in place of tokens. */
const cookies = z.boolean().default(false)

const session = z.object({
  user,
  /** Null while the address is to be confirmed. */
  session: z
    .object({
      access_token: z.string(),
      refresh_token: z.string(),
      token_type: z.string(),
      expires_in: z.int(),
      expires_at: z.int(),
    })
    .nullable(),
  csrfToken: z.string().optional(),
})

/** What auth answers to who signs in. */
interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly expires_at: number
  readonly user: { readonly id: string }
}

const signInLimit = { calls: 60, seconds: 60, per: 'address' } as const

type Context = RouteContext<{ readonly sessions: CookieSessions }>

/** What a client gets of a session that began: tokens, or cookies and a CSRF token. */
async function answerOf(context: Context, tokens: Tokens, byCookies: boolean) {
  const account = await readUser(context.asService('who signed in sees their account'), tokens.user.id)
  if (byCookies) return { user: account, session: null, csrfToken: context.sessions.begin(context, tokens) }
  const { access_token, refresh_token, token_type, expires_in, expires_at } = tokens
  return { user: account, session: { access_token, refresh_token, token_type, expires_in, expires_at } }
}

async function readUser(service: ScopedDatabase, id: string): Promise<z.output<typeof user>> {
  const { rows } = await service.query<{ row: z.output<typeof user> }>(
    sql`select to_jsonb(u) as row from public.users u where u.id = ${id}`,
    { readOnly: true },
  )
  return rows[0]!.row
}

export const register = defineRoute({
  method: 'POST',
  path: '/auth/register',
  summary: 'Makes an account with its profile, and signs in; a welcome message follows.',
  access: 'public',
  limit: signInLimit,
  body: z.object({
    email: contact.email,
    password,
    name: contact.name.default(''),
    phone: contact.phone.optional(),
    address: z.string().max(2_000).optional(),
    cookies,
  }),
  responses: { 201: session },
  handle: async (context, { body: { email, password: chosen, cookies: byCookies, ...data } }) => {
    const answer = (await context.auth.call(context, 'POST', '/signup', {
      email,
      password: chosen,
      data,
    })) as unknown as Tokens | { readonly id: string }
    if ('access_token' in answer) return reply(201, await answerOf(context, answer, byCookies))
    // The address is to be confirmed first. Whether it had an account already is told to nobody but its owner.
    const at = context.clock.now().toISOString()
    const account = {
      id: answer.id,
      simpleId: '',
      name: data.name,
      email,
      phone: data.phone ?? null,
      profileImage: null,
      address: data.address ?? null,
      role: 'customer' as const,
      isActive: true,
      favoriteServices: [],
      createdAt: at,
      updatedAt: at,
    }
    return reply(201, { user: account, session: null })
  },
})

export const login = defineRoute({
  method: 'POST',
  path: '/auth/login',
  summary: 'Signs in by e-mail and password.',
  access: 'public',
  limit: signInLimit,
  body: z.object({ email: z.string().max(255), password: z.string().max(1_024), cookies }),
  responses: { 200: session },
  handle: async (context, { body: { email, password: given, cookies: byCookies } }) => {
    const tokens = await context.auth.call(context, 'POST', '/token?grant_type=password', {
      email,
      password: given,
    })
    return answerOf(context, tokens as unknown as Tokens, byCookies)
  },
})

export const refresh = defineRoute({
  method: 'POST',
  path: '/auth/refresh',
  summary: 'A new access token for a refresh token, or for the session in the cookies.',
  access: 'public',
  limit: signInLimit,
  body: z.object({ refresh_token: z.string().max(1_024).optional() }),
  responses: { 200: session },
  handle: async (context, { body }) => {
    const kept = body.refresh_token === undefined ? context.sessions.refreshToken(context) : null
    const tokens = await context.auth.call(context, 'POST', '/token?grant_type=refresh_token', {
      refresh_token: body.refresh_token ?? kept ?? '',
    })
    return answerOf(context, tokens as unknown as Tokens, kept !== null)
  },
})

export const logout = defineRoute({
  method: 'POST',
  path: '/auth/logout',
  summary: 'Ends the session; with scope global all sessions of the user.',
  access: 'user',
  query: z.object({ scope: z.enum(['local', 'global', 'others']).default('local') }),
  responses: { 204: null },
  handle: async (context, { query: { scope } }) => {
    const token = context.request.headers.has('authorization') ? null : context.sessions.accessToken(context)
    const headers = new Headers(context.request.headers)
    if (token !== null) headers.set('authorization', `Bearer ${token}`)
    const request = new Request(context.request.url, { headers })
    await context.auth.call({ ...context, request }, 'POST', `/logout?scope=${scope}`)
    context.sessions.end(context)
    return undefined
  },
})

export const csrfToken = defineRoute({
  method: 'GET',
  path: '/auth/csrf',
  summary: 'The CSRF token of the session in the cookies, for a page that was loaded anew.',
  access: 'public',
  responses: { 200: z.object({ csrfToken: z.string().nullable() }) },
  handle: (context) => ({ csrfToken: context.sessions.csrfToken(context) }),
})
