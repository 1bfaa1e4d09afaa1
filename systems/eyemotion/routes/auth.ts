import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { eyemotionErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'
import { anyObject, base, note, requireFlag, requireUser, run } from './api.ts'

const text = (most: number) => z.string().trim().min(1).max(most)
const profileFields = {
  fullName: text(200),
  companyName: text(200).nullable(),
  industry: text(100).nullable(),
  country: text(100),
  preferences: anyObject,
}

const session = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.string(),
  expires_in: z.number(),
  expires_at: z.number(),
})
const account = z.object({ id: z.uuid(), email: z.string() })
const signedIn = z.object({ user: account, session: session.nullable() })

/** What auth answers: a session with its user, or the user alone while the address waits to be confirmed. */
function readSignIn(answer: unknown): z.output<typeof signedIn> {
  const given = answer as { user?: unknown; access_token?: string }
  return {
    user: account.parse(given.user ?? given),
    session: given.access_token ? session.parse(given) : null,
  }
}

/** E-A1 */
export const register = defineRoute({
  method: 'POST',
  path: `${base}/auth/register`,
  summary: 'Makes an account; a session at once, unless the address has to be confirmed.',
  access: 'public',
  limit: { calls: 60, seconds: 60 },
  body: z.object({
    email: z.string().max(320),
    password: z.string().max(1_000),
    fullName: profileFields.fullName,
    companyName: profileFields.companyName.optional(),
    industry: profileFields.industry.optional(),
    country: profileFields.country.optional(),
  }),
  responses: { 201: signedIn },
  handle: async (ctx, { body: { email, password, fullName, companyName, industry, country } }) => {
    await requireFlag(ctx.flags, 'authEnabled')
    const data = { full_name: fullName }
    const made = readSignIn(await ctx.auth.call(ctx, 'POST', '/signup', { email, password, data }))
    await ctx.asService('a new account has no session of its own yet').query(sql`
      update public.user_profiles set company_name = coalesce(${companyName ?? null}, company_name),
        industry = coalesce(${industry ?? null}, industry), country = coalesce(${country ?? null}, country)
      where id = ${made.user.id}`)
    await note(ctx, 'auth.register', { type: 'user', id: made.user.id, user: made.user.id })
    return reply(201, made)
  },
})

/** E-A2 */
export const signIn = defineRoute({
  method: 'POST',
  path: `${base}/auth/signin`,
  summary: 'Signs in by address and password.',
  access: 'public',
  body: z.object({ email: z.string().max(320), password: z.string().max(1_000) }),
  responses: { 200: signedIn },
  handle: async (ctx, { body }) => {
    await requireFlag(ctx.flags, 'authEnabled')
    const found = readSignIn(await ctx.auth.call(ctx, 'POST', '/token?grant_type=password', body))
    await note(ctx, 'auth.signin', { type: 'user', id: found.user.id, user: found.user.id })
    return found
  },
})

/** Keeps a session going: beside the requirement, because clients without supabase-js need it. */
export const refreshSession = defineRoute({
  method: 'POST',
  path: `${base}/auth/refresh`,
  summary: 'Gives a new session for a refresh token.',
  access: 'public',
  body: z.object({ refreshToken: z.string().min(1).max(1_000) }),
  responses: { 200: signedIn },
  handle: async (ctx, { body: { refreshToken } }) =>
    readSignIn(
      await ctx.auth.call(ctx, 'POST', '/token?grant_type=refresh_token', { refresh_token: refreshToken }),
    ),
})

const providers = ['google', 'github'] as const

/** E-A3 */
export const beginOAuth = defineRoute({
  method: 'POST',
  path: `${base}/auth/oauth/:provider`,
  summary: 'The address at which a sign-in with Google or GitHub begins.',
  access: 'public',
  params: z.object({ provider: z.string().max(50) }),
  body: z.object({
    redirectTo: z.url().max(2_000).optional(),
    codeChallenge: z.string().max(200).optional(),
  }),
  responses: { 200: z.object({ provider: z.string(), url: z.string() }) },
  handle: async (ctx, { params: { provider }, body: { redirectTo, codeChallenge } }) => {
    await requireFlag(ctx.flags, 'authEnabled')
    const { external } = (await ctx.auth.call(ctx, 'GET', '/settings')) as {
      external: Record<string, boolean>
    }
    if (!providers.some((name) => name === provider) || external[provider] !== true)
      throw eyemotionErrors.provider_unknown({ provider })
    const query = new URLSearchParams({
      provider,
      ...(redirectTo ? { redirect_to: redirectTo } : {}),
      ...(codeChallenge ? { code_challenge: codeChallenge, code_challenge_method: 's256' } : {}),
    })
    return { provider, url: `${ctx.studio.url}/auth/v1/authorize?${query}` }
  },
})

/** Where a sign-in with a provider ends, for clients that began it with a code challenge (PKCE). */
export const finishOAuth = defineRoute({
  method: 'POST',
  path: `${base}/auth/callback`,
  summary: 'Exchanges the code of a sign-in with a provider for a session.',
  access: 'public',
  body: z.object({ code: z.string().min(1).max(500), codeVerifier: z.string().min(1).max(500) }),
  responses: { 200: signedIn },
  handle: async (ctx, { body: { code, codeVerifier } }) => {
    await requireFlag(ctx.flags, 'authEnabled')
    const body = { auth_code: code, code_verifier: codeVerifier }
    const found = readSignIn(await ctx.auth.call(ctx, 'POST', '/token?grant_type=pkce', body))
    await note(ctx, 'auth.signin', { type: 'user', id: found.user.id, user: found.user.id })
    return found
  },
})

const me = z.object({
  user: z.object({ id: z.uuid(), email: z.string().nullable() }),
  profile: anyObject,
  subscription: anyObject,
  credits: anyObject,
})

/** E-A4 */
export const showMe = defineRoute({
  method: 'GET',
  path: `${base}/auth/me`,
  summary: 'The signed-in user: profile, role, subscription, credits.',
  access: 'user',
  responses: { 200: me },
  handle: async (ctx) => {
    const user = requireUser(ctx)
    return run<z.output<typeof me>>(
      ctx,
      sql`select jsonb_build_object('user', jsonb_build_object('id', p.id, 'email', ${ctx.caller.claims.email ?? null}::text),
          'profile', to_jsonb(p), 'subscription', to_jsonb(s) || jsonb_build_object('plan', l.name),
          'credits', private.credits_of(p.id, ${ctx.clock.now()})) as answer
        from public.user_profiles p join public.user_subscriptions s on s.user_id = p.id
        join public.subscription_plans l on l.id = s.plan_id where p.id = ${user}`,
    )
  },
})

/** E-A5 */
export const changeProfile = defineRoute({
  method: 'PUT',
  path: `${base}/auth/profile`,
  summary: 'Changes the signed-in user’s profile; what is left out stays.',
  access: 'user',
  body: z.object(profileFields).partial(),
  responses: { 200: z.object({ profile: anyObject }) },
  handle: async (ctx, { body }) => {
    const { fullName, companyName, industry, country, preferences } = body
    const { rows } = await ctx.db.query<{ profile: z.output<typeof anyObject> }>(sql`
      update public.user_profiles p set full_name = coalesce(${fullName ?? null}, full_name),
        company_name = case when ${companyName === undefined} then company_name else ${companyName ?? null} end,
        industry = case when ${industry === undefined} then industry else ${industry ?? null} end,
        country = coalesce(${country ?? null}, country),
        preferences = coalesce(${preferences ? JSON.stringify(preferences) : null}::jsonb, preferences)
      where id = ${requireUser(ctx)} returning to_jsonb(p) as profile`)
    if (!rows[0]) throw eyemotionErrors.user_not_found()
    await note(ctx, 'auth.profile', { details: { changed: Object.keys(body) } })
    return rows[0]
  },
})

/** E-A6 */
export const signOut = defineRoute({
  method: 'POST',
  path: `${base}/auth/signout`,
  summary: 'Ends this session, or all of the user’s.',
  access: 'user',
  body: z.object({ everywhere: z.boolean().default(false) }),
  responses: { 200: z.object({ signedOut: z.literal(true) }) },
  handle: async (ctx, { body: { everywhere } }) => {
    await ctx.auth.call(ctx, 'POST', `/logout?scope=${everywhere ? 'global' : 'local'}`)
    await note(ctx, 'auth.signout', { details: { everywhere } })
    return { signedOut: true as const }
  },
})

/** E-X9. Whoever asks learns nothing of who has an account. */
export const resetPassword = defineRoute({
  method: 'POST',
  path: `${base}/auth/reset-password`,
  summary: 'Sends a link by which a new password is chosen, if the address has an account.',
  access: 'public',
  body: z.object({ email: z.string().max(320), redirectTo: z.url().max(2_000).optional() }),
  responses: { 200: z.object({ sent: z.literal(true) }) },
  handle: async (ctx, { body: { email, redirectTo } }) => {
    await requireFlag(ctx.flags, 'authEnabled')
    const query = redirectTo ? `?${new URLSearchParams({ redirect_to: redirectTo })}` : ''
    await ctx.auth.call(ctx, 'POST', `/recover${query}`, { email })
    return { sent: true as const }
  },
})

/** Seconds for which a sign-in proves who is there. */
const freshSeconds = 600

/** Whether the session’s latest proof (`amr` of its token) is of the last ten minutes. */
function isFresh(amr: unknown, now: Date): boolean {
  const proofs = z.array(z.object({ timestamp: z.number() })).safeParse(amr)
  const latest = Math.max(0, ...(proofs.data ?? []).map(({ timestamp }) => timestamp))
  return now.getTime() / 1_000 - latest < freshSeconds
}

/** E-X1 */
export const deleteAccount = defineRoute({
  method: 'DELETE',
  path: `${base}/auth/account`,
  summary:
    'Deletes the signed-in user’s account for good, with projects and files. Books of money are kept without the name.',
  access: 'user',
  body: z.object({ password: z.string().max(1_000).optional() }),
  responses: { 200: z.object({ deleted: z.literal(true) }) },
  handle: async (ctx, { body: { password } }) => {
    const user = requireUser(ctx)
    // Whoever finds a screen unlocked does not delete an account.
    if (password !== undefined) {
      const { email } = ctx.caller.claims
      await ctx.auth.call(ctx, 'POST', '/token?grant_type=password', { email, password })
    } else if (!isFresh(ctx.caller.claims.amr, ctx.clock.now())) throw eyemotionErrors.sign_in_again()
    const subscription = await run<string | null>(
      ctx,
      sql`select (select subscription from public.user_subscriptions where user_id = ${user}) as answer`,
    )
    if (subscription) await ctx.payments.subscriptions.cancel(subscription, { immediately: true })
    await ctx.studio.eraseAccount(user)
    return { deleted: true as const }
  },
})

/** GDPR, article 20. Files are downloaded one by one. */
export const exportAccount = defineRoute({
  method: 'GET',
  path: `${base}/auth/export`,
  summary: 'Everything that is stored of the signed-in user, but the bytes of files.',
  access: 'user',
  limit: { calls: 10, seconds: 3_600 },
  responses: { 200: anyObject },
  handle: async (ctx) => {
    const user = requireUser(ctx)
    const document = await run<z.output<typeof anyObject>>(
      ctx,
      sql`select private.account_document(${user}) as answer`,
    )
    await note(ctx, 'account.export', { type: 'user', id: user })
    return document
  },
})
