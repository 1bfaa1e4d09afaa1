import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../../database/index.ts'
import { useAuthHost } from '../../tests/auth-host.ts'

interface Person {
  readonly email?: string
  readonly email_verified?: boolean
  readonly name?: string
}

/** A real OpenID Connect server on loopback that signs `signsIn` in without asking. */
function useOidcServer(callback: string) {
  const people = new Map<string, Person>()
  let server: Server
  let issuer = ''
  let signsIn = ''
  beforeAll(async () => {
    server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const provider = new Provider(issuer, {
      clients: [{ client_id: 'plinth', client_secret: 'secret', redirect_uris: [callback] }],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      features: { devInteractions: { enabled: false } },
      cookies: { keys: ['test'] },
      interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
      loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({
          clientId: ctx.oidc.client!.clientId,
          accountId: ctx.oidc.session!.accountId!,
        })
        grant.addOIDCScope('openid email profile')
        await grant.save()
        return grant
      },
    })
    const answer = provider.callback()
    server.on('request', (request, response) => {
      if (!request.url?.startsWith('/interaction/')) return answer(request, response)
      const login = { accountId: signsIn }
      return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false })
    })
  })
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())))

  /** What a browser does at the provider: goes where it is sent, until it is sent back. */
  const visit = async (sub: string, start: string): Promise<URL> => {
    signsIn = sub
    const cookies = new Map<string, string>()
    let at = start
    for (let hop = 0; hop < 10; hop += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(at, { redirect: 'manual', headers: { cookie } })
      await response.arrayBuffer()
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (!location) throw new Error(`the provider answered ${response.status} at ${at}`)
      at = new URL(location, at).href
      if (at.startsWith(callback)) return new URL(at)
    }
    throw new Error('the provider sends nobody back')
  }
  return { people, visit, issuer: () => issuer }
}

describe('signing in with a provider', () => {
  const host = useAuthHost({ settings: {}, connections: { requests: 2, owner: 8 } })
  const oidc = useOidcServer('http://127.0.0.1:54321/sample/auth/v1/callback')
  const configure = (settings: object = {}) =>
    host.restart({
      siteUrl: 'http://localhost:3000',
      external: { oidc: { enabled: true, clientId: 'plinth', secret: 'secret', url: oidc.issuer() } },
      ...settings,
    })
  beforeAll(() => configure())

  const begin = async (query = '') => {
    const answer = await host.fetch(`/authorize?provider=oidc${query}`, { redirect: 'manual' })
    const cookie = /^[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? ''
    return { status: answer.status, location: answer.headers.get('location') ?? '', cookie, answer }
  }
  const comeBack = async (callback: URL, cookie: string) => {
    const answer = await host.fetch(`/callback${callback.search}`, {
      redirect: 'manual',
      headers: { cookie },
    })
    const location = answer.headers.get('location')
    const target = location ? new URL(location) : undefined
    return { answer, target, fragment: new URLSearchParams(target?.hash.slice(1)) }
  }
  const signIn = async (sub: string, query = '') => {
    const { location, cookie } = await begin(query)
    return comeBack(await oidc.visit(sub, location), cookie)
  }
  const userOf = async (token: string | null) => (await host.send('/user', { token: token ?? '' })).body

  it('makes an account the first time and finds it again', async () => {
    oidc.people.set('ada', { email: 'Ada@example.test', email_verified: true, name: 'Ada' })
    const first = await signIn('ada', '&redirect_to=http://localhost:3000/done')
    expect(first.target!.origin + first.target!.pathname).toBe('http://localhost:3000/done')
    expect(first.fragment.get('provider_token')).toBeTruthy()
    const user = await userOf(first.fragment.get('access_token'))
    expect(user).toMatchObject({
      email: 'ada@example.test',
      email_confirmed_at: expect.any(String),
      is_anonymous: false,
      app_metadata: { provider: 'oidc', providers: ['oidc'] },
      user_metadata: { name: 'Ada', full_name: 'Ada' },
      identities: [{ provider: 'oidc', id: 'ada', identity_data: { email_verified: true } }],
    })
    const second = await signIn('ada')
    expect((await userOf(second.fragment.get('access_token'))).id).toBe(user.id)
    expect((await host.send('/settings')).body.external).toMatchObject({ google: false })
  })

  it('hands a PKCE client a code, with the provider’s tokens behind it', async () => {
    const storage = new Map<string, string>()
    const client = host.client(undefined, {
      flowType: 'pkce',
      persistSession: true,
      storage: {
        getItem: (key: string) => storage.get(key) ?? null,
        setItem: (key: string, value: string) => void storage.set(key, value),
        removeItem: (key: string) => void storage.delete(key),
      },
    })
    const { data } = await client.auth.signInWithOAuth({
      provider: 'oidc' as never,
      options: { skipBrowserRedirect: true },
    })
    const query = new URL(data.url!).searchParams
    query.delete('provider')
    const { target } = await signIn('ada', `&${query}`)
    const { data: session, error } = await client.auth.exchangeCodeForSession(
      target!.searchParams.get('code')!,
    )
    expect(error).toBeNull()
    expect(session.session?.provider_token).toBeTruthy()
    expect(session.user?.email).toBe('ada@example.test')
  })

  it('joins an account of the same address when both sides have proven it', async () => {
    const { body } = await host.asService('POST', '/admin/users', {
      email: 'bob@example.test',
      password: 'correct horse',
      email_confirm: true,
    })
    oidc.people.set('bob', { email: 'bob@example.test', email_verified: true })
    const { fragment } = await signIn('bob')
    const user = await userOf(fragment.get('access_token'))
    expect(user.id).toBe(body.id)
    expect(user.app_metadata.providers).toEqual(['email', 'oidc'])
    expect((await host.signIn('bob@example.test')).status).toBe(200)
  })

  describe('gives an attacker who was first nothing (AT-38)', () => {
    it('at an account that was confirmed without asking: it is not joined', async () => {
      configure({ mailerAutoconfirm: true })
      await host.signUp('carl@example.test', 'the attacker’s password')
      oidc.people.set('carl', { email: 'carl@example.test', email_verified: true })
      const { fragment } = await signIn('carl')
      expect(fragment.get('error_code')).toBe('email_exists')
      expect(fragment.get('access_token')).toBeNull()
    })

    it('at an account that was never confirmed: it is emptied', async () => {
      configure({ mailerAutoconfirm: false })
      await host.signUp('dora@example.test', 'the attacker’s password', { planted: true })
      oidc.people.set('dora', { email: 'dora@example.test', email_verified: true })
      const { fragment } = await signIn('dora')
      const user = await userOf(fragment.get('access_token'))
      expect(user.user_metadata).not.toHaveProperty('planted')
      expect(user.identities).toHaveLength(1)
      const attacker = await host.signIn('dora@example.test', 'the attacker’s password')
      expect(attacker.body.error_code).toBe('invalid_credentials')
      configure()
    })

    it('at the provider, with an address that it has not proven', async () => {
      oidc.people.set('eve', { email: 'bob@example.test', email_verified: false })
      const { fragment } = await signIn('eve')
      expect(fragment.get('error_code')).toBe('provider_email_needs_verification')
    })
  })

  it('takes an answer once, in the browser that asked, and for ten minutes', async () => {
    const { location, cookie } = await begin()
    const callback = await oidc.visit('ada', location)
    const elsewhere = await comeBack(callback, '')
    expect(elsewhere.answer.status).toBe(400)
    expect((await comeBack(callback, cookie)).answer.status).toBe(400)

    const once = await begin()
    const answer = await oidc.visit('ada', once.location)
    const answers = await Promise.all(Array.from({ length: 5 }, () => comeBack(answer, once.cookie)))
    expect(answers.filter(({ fragment }) => fragment.get('access_token'))).toHaveLength(1)

    const late = await begin()
    const lateAnswer = await oidc.visit('ada', late.location)
    host.clock.advance(600_000)
    const refused = await comeBack(lateAnswer, late.cookie)
    expect(await refused.answer.json()).toMatchObject({ error_code: 'bad_oauth_state' })
  })

  it('takes no code of another sign-in, and says what the provider refused', async () => {
    const [one, two] = [await begin(), await begin()]
    const callback = await oidc.visit('ada', one.location)
    callback.searchParams.set('state', new URL(two.location).searchParams.get('state')!)
    const mixed = await comeBack(callback, two.cookie)
    expect(mixed.fragment.get('error_code')).toBe('bad_oauth_callback')
    const three = await begin()
    const refusal = new URL('http://x/?error=access_denied&error_description=Not+today')
    refusal.searchParams.set('state', new URL(three.location).searchParams.get('state')!)
    const refused = await comeBack(refusal, three.cookie)
    expect(refused.fragment.get('error_description')).toBe('Not today')
  })

  it('leads nobody elsewhere, and lets a client not change what is checked', async () => {
    const { location, answer } = await begin(
      '&redirect_to=https://evil.example&state=mine&nonce=mine&redirect_uri=https://evil.example&prompt=login',
    )
    const query = new URL(location).searchParams
    expect(query.get('redirect_uri')).toBe('http://127.0.0.1:54321/sample/auth/v1/callback')
    expect(query.getAll('state')).toHaveLength(1)
    expect([query.get('state'), query.get('nonce')]).not.toContain('mine')
    expect(query.get('prompt')).toBe('login')
    expect(answer.headers.get('set-cookie')).toMatch(/HttpOnly/i)
    expect((await host.send('/authorize?provider=google')).body.error_code).toBe('validation_failed')
  })

  it('closes with sign-ups', async () => {
    configure({ disableSignup: true })
    oidc.people.set('gil', { email: 'gil@example.test', email_verified: true })
    expect((await signIn('gil')).fragment.get('error_code')).toBe('signup_disabled')
    expect((await signIn('ada')).fragment.get('access_token')).not.toBeNull()
    configure()
  })

  it('is refused to the banned', async () => {
    const { rows } = await host.database.asOwner<{ id: string }>(
      sql`select id from auth.users where email = 'bob@example.test'`,
    )
    await host.asService('PUT', `/admin/users/${rows[0]!.id}`, { ban_duration: '1h' })
    expect((await signIn('bob')).fragment.get('error_code')).toBe('user_banned')
    await host.asService('PUT', `/admin/users/${rows[0]!.id}`, { ban_duration: 'none' })
  })

  describe('as one more identity', () => {
    const account = async (email: string) => {
      await host.asService('POST', '/admin/users', { email, password: 'correct horse', email_confirm: true })
      const client = host.client()
      const { data } = await client.auth.signInWithPassword({ email, password: 'correct horse' })
      return { client, id: data.user!.id }
    }
    const link = async (client: ReturnType<typeof host.client>, sub: string) => {
      const { data, error } = await client.auth.linkIdentity({
        provider: 'oidc' as never,
        options: { skipBrowserRedirect: true },
      })
      if (error) throw error
      host.clock.advance(1000)
      return comeBack(await oidc.visit(sub, data.url), '')
    }

    it('is linked and unlinked by its user', async () => {
      configure({ securityManualLinkingEnabled: true })
      const { client, id } = await account('hal@example.test')
      oidc.people.set('hal', { email: 'hal@elsewhere.test', email_verified: true })
      await link(client, 'hal')
      const { data } = await client.auth.getUserIdentities()
      expect(data?.identities.map(({ provider }) => provider)).toEqual(['email', 'oidc'])
      expect((await userOf((await signIn('hal')).fragment.get('access_token'))).id).toBe(id)
      const { client: other } = await account('ida@example.test')
      expect((await link(other, 'hal')).fragment.get('error_code')).toBe('identity_already_exists')
      expect((await client.auth.unlinkIdentity(data!.identities[1]!)).error).toBeNull()
      const last = await client.auth.unlinkIdentity(data!.identities[0]!)
      expect(last.error?.code).toBe('single_identity_not_deletable')
      const gone = await client.auth.unlinkIdentity(data!.identities[1]!)
      expect(gone.error?.code).toBe('identity_not_found')
    })

    it('takes the address with it that it gave', async () => {
      const { client } = await account('jan@example.test')
      oidc.people.set('jan', { email: 'jan@elsewhere.test', email_verified: true })
      await link(client, 'jan')
      const { data } = await client.auth.getUserIdentities()
      await client.auth.unlinkIdentity(data!.identities[0]!)
      expect((await client.auth.getUser()).data.user).toMatchObject({
        email: 'jan@elsewhere.test',
        app_metadata: { provider: 'oidc', providers: ['oidc'] },
      })
      expect((await host.signIn('jan@example.test')).status).toBe(400)
    })

    it('needs the project’s leave', async () => {
      configure()
      const { client } = await account('kim@example.test')
      await expect(link(client, 'kim')).rejects.toMatchObject({ code: 'manual_linking_disabled' })
    })
  })

  it('takes an id token that an app got by itself, with the nonce that only the app knows', async () => {
    const verifier = 'v'.repeat(43)
    const query = new URLSearchParams({
      client_id: 'plinth',
      response_type: 'code',
      scope: 'openid email profile',
      redirect_uri: 'http://127.0.0.1:54321/sample/auth/v1/callback',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      nonce: createHash('sha256').update('raw nonce').digest('hex'),
    })
    oidc.people.set('leo', { email: 'leo@example.test', email_verified: true, name: 'Leo' })
    const callback = await oidc.visit('leo', `${oidc.issuer()}/auth?${query}`)
    const answer = await fetch(`${oidc.issuer()}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('plinth:secret')}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: callback.searchParams.get('code')!,
        redirect_uri: query.get('redirect_uri')!,
        code_verifier: verifier,
      }),
    })
    const { id_token: token } = (await answer.json()) as { id_token: string }
    const client = host.client()
    const signInWith = (nonce?: string) =>
      client.auth.signInWithIdToken({ provider: 'oidc' as never, token, ...(nonce ? { nonce } : {}) })
    expect((await signInWith()).error?.code).toBe('validation_failed')
    expect((await signInWith('another nonce')).error?.code).toBe('validation_failed')
    const { data, error } = await signInWith('raw nonce')
    // What belongs to e-mail and profile is behind userinfo at this server; an id token alone need not have it.
    expect(error).toBeNull()
    expect(data.user?.identities?.[0]).toMatchObject({ provider: 'oidc', id: 'leo' })
  })

  it('refuses id tokens that the provider did not sign', async () => {
    const token = await new SignJWT({ email: 'ada@example.test', email_verified: true })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ada')
      .setIssuer(oidc.issuer())
      .setAudience('plinth')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode('secret'))
    for (const id_token of [token, 'a.b.c', 'x'.repeat(5000)]) {
      const answer = await host.post('/token?grant_type=id_token', { provider: 'oidc', id_token })
      expect(answer).toMatchObject({ status: 400, body: { error_code: 'validation_failed' } })
    }
    const unknown = await host.post('/token?grant_type=id_token', { provider: 'github', id_token: token })
    expect(unknown.body.error_code).toBe('provider_disabled')
  })
})
