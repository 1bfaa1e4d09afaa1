import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { type ReceivedMessage, useAuthHost } from './auth-host.ts'

/** Keeps what a browser would keep between the two halves of a PKCE flow. */
function createStorage() {
  const values = new Map<string, string>()
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
}

const linkOf = (message: ReceivedMessage | undefined) =>
  new URL(/https?:\/\/\S+\/verify\?\S+/.exec(message?.body ?? '')![0])
const codeOf = (message: ReceivedMessage | undefined) => /code: (\d{6,10})/.exec(message?.body ?? '')![1]!

describe('proving an address', () => {
  const host = useAuthHost({
    settings: {
      mailerAutoconfirm: false,
      siteUrl: 'http://localhost:3000',
      externalAnonymousUsersEnabled: true,
      externalPhoneEnabled: true,
      smsOtpExp: 60,
      mailerTestOtp: { 'review@example.test': '424242' },
    },
    connections: { requests: 2, owner: 12 },
  })
  /** Where the link of a mail leads, as a browser follows it. */
  const follow = async (link: URL, method = 'GET') => {
    const response = await host.fetch(`/verify${link.search}`, { method, redirect: 'manual' })
    const target = new URL(response.headers.get('location')!)
    return { status: response.status, target, fragment: new URLSearchParams(target.hash.slice(1)) }
  }
  const verify = (body: object) => host.post('/verify', body)
  const newest = async (email: string) => (await host.messagesTo(email))[0]
  /** One mail a minute: as if it had passed. */
  const later = () => host.restart()

  describe('by the mail of a sign-up', () => {
    it('signs in through the link, once', async () => {
      const client = host.client()
      const { data, error } = await client.auth.signUp({
        email: 'ada@example.test',
        password: 'difference engine',
        options: { emailRedirectTo: 'http://localhost:3000/welcome' },
      })
      expect({ error, session: data.session }).toEqual({ error: null, session: null })
      const link = linkOf(await newest('ada@example.test'))
      const { status, target, fragment } = await follow(link)
      expect([status, target.origin + target.pathname]).toEqual([303, 'http://localhost:3000/welcome'])
      expect(fragment.get('type')).toBe('signup')
      const { data: session } = await client.auth.setSession({
        access_token: fragment.get('access_token')!,
        refresh_token: fragment.get('refresh_token')!,
      })
      expect(session.user).toMatchObject({
        email: 'ada@example.test',
        email_confirmed_at: expect.any(String),
        identities: [{ identity_data: { email_verified: true } }],
      })
      const again = await follow(link)
      expect(again.fragment.get('error_code')).toBe('otp_expired')
      expect(again.fragment.get('access_token')).toBeNull()
      expect((await host.signIn('ada@example.test', 'difference engine')).status).toBe(200)
    })

    it('signs in through the code', async () => {
      const client = host.client()
      await client.auth.signUp({ email: 'bob@example.test', password: 'correct horse' })
      const token = codeOf(await newest('bob@example.test'))
      const { data, error } = await client.auth.verifyOtp({
        email: 'bob@example.test',
        token,
        type: 'signup',
      })
      expect(error).toBeNull()
      expect(data.user?.email).toBe('bob@example.test')
      const again = await client.auth.verifyOtp({ email: 'bob@example.test', token, type: 'signup' })
      expect(again.error).toMatchObject({ status: 403, code: 'otp_expired' })
    })

    it('is not used up by programs that look at links', async () => {
      await host.signUp('carl@example.test')
      const link = linkOf(await newest('carl@example.test'))
      expect((await follow(link, 'HEAD')).fragment.get('access_token')).toBeNull()
      expect((await follow(link)).fragment.get('access_token')).not.toBeNull()
    })

    it('can be sent again, which voids the first', async () => {
      await host.signUp('dora@example.test')
      const first = linkOf(await newest('dora@example.test'))
      later()
      const { error } = await host.client().auth.resend({ email: 'dora@example.test', type: 'signup' })
      expect(error).toBeNull()
      const second = linkOf(await newest('dora@example.test'))
      expect((await follow(first)).fragment.get('error_code')).toBe('otp_expired')
      expect((await follow(second)).fragment.get('access_token')).not.toBeNull()
    })

    it('gives nothing to who registered the address of somebody else: their own link drops that password', async () => {
      await host.signUp('victim@example.test', 'the attacker’s password')
      later()
      await host.post('/recover', { email: 'victim@example.test' })
      await follow(linkOf(await newest('victim@example.test')))
      const answer = await host.signIn('victim@example.test', 'the attacker’s password')
      expect(answer.body.error_code).toBe('invalid_credentials')
    })

    it('tells the owner of a taken address, and nobody else', async () => {
      later()
      const { body } = await host.signUp('ada@example.test', 'another password')
      expect(body.identities).toHaveLength(1)
      expect((await newest('ada@example.test'))?.subject).toBe('You already have an account')
    })
  })

  describe('by a magic link or a code', () => {
    it('makes an account the first time, and signs in after', async () => {
      const client = host.client()
      const email = 'eve@example.test'
      expect(
        (await client.auth.signInWithOtp({ email, options: { data: { name: 'Eve' } } })).error,
      ).toBeNull()
      const first = await client.auth.verifyOtp({ email, token: codeOf(await newest(email)), type: 'email' })
      expect(first.data.user).toMatchObject({ email, user_metadata: { name: 'Eve' } })
      later()
      await client.auth.signInWithOtp({ email })
      const second = await client.auth.verifyOtp({ email, token: codeOf(await newest(email)), type: 'email' })
      expect(second.data.user?.id).toBe(first.data.user?.id)
      expect((await client.auth.getClaims()).data?.claims.amr).toEqual([
        { method: 'otp', timestamp: expect.any(Number) },
      ])
    })

    it('hands over a code that only the browser which began can exchange (PKCE)', async () => {
      const client = host.client(undefined, {
        flowType: 'pkce',
        persistSession: true,
        storage: createStorage(),
      })
      const email = 'eve@example.test'
      later()
      await client.auth.signInWithOtp({ email })
      const { target } = await follow(linkOf(await newest(email)))
      const code = target.searchParams.get('code')!
      expect(target.hash).toBe('')
      const thief = await host.post('/token?grant_type=pkce', {
        auth_code: code,
        code_verifier: 'x'.repeat(43),
      })
      expect(thief).toMatchObject({ status: 403, body: { error_code: 'bad_code_verifier' } })
      expect((await client.auth.exchangeCodeForSession(code)).error).toMatchObject({
        code: 'flow_state_not_found',
      })

      later()
      await client.auth.signInWithOtp({ email })
      const next = await follow(linkOf(await newest(email)))
      const { data, error } = await client.auth.exchangeCodeForSession(next.target.searchParams.get('code')!)
      expect(error).toBeNull()
      expect(data.user?.email).toBe(email)
      expect((await client.auth.getClaims()).data?.claims.amr).toEqual([
        { method: 'magiclink', timestamp: expect.any(Number) },
      ])
    })

    it('lets a code of a flow be exchanged for five minutes', async () => {
      const client = host.client(undefined, {
        flowType: 'pkce',
        persistSession: true,
        storage: createStorage(),
      })
      later()
      await client.auth.signInWithOtp({ email: 'eve@example.test' })
      const { target } = await follow(linkOf(await newest('eve@example.test')))
      host.clock.advance(301_000)
      const { error } = await client.auth.exchangeCodeForSession(target.searchParams.get('code')!)
      expect(error).toMatchObject({ code: 'flow_state_expired' })
    })

    it('makes no account where the client wants none, and does not say so', async () => {
      const { error } = await host
        .client()
        .auth.signInWithOtp({ email: 'unknown@example.test', options: { shouldCreateUser: false } })
      expect(error).toBeNull()
      expect(await host.messagesTo('unknown@example.test')).toEqual([])
    })

    it('takes a fixed code where the project names one, and sends nothing', async () => {
      await host.post('/otp', { email: 'review@example.test' })
      expect(await host.messagesTo('review@example.test')).toEqual([])
      const answer = await verify({ type: 'email', email: 'review@example.test', token: '424242' })
      expect(answer.status).toBe(200)
    })

    it('is limited for each address, whether it has an account or not', async () => {
      later()
      for (const email of ['ada@example.test', 'nobody@example.test']) {
        const request = () => host.post('/recover', { email })
        expect((await request()).status).toBe(200)
        const refused = await request()
        expect(refused).toMatchObject({ status: 429, body: { error_code: 'over_email_send_rate_limit' } })
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      }
    })
  })

  describe('by SMS', () => {
    it('signs up and in', async () => {
      const client = host.client()
      expect((await client.auth.signInWithOtp({ phone: '+49 151 12345678' })).error).toBeNull()
      const [message] = await host.messagesTo('4915112345678')
      const token = /\d{6}/.exec(message!.body)![0]
      const { data, error } = await client.auth.verifyOtp({ phone: '+4915112345678', token, type: 'sms' })
      expect(error).toBeNull()
      expect(data.user).toMatchObject({
        phone: '4915112345678',
        phone_confirmed_at: expect.any(String),
        app_metadata: { provider: 'phone' },
      })
    })

    it('is over after a minute', async () => {
      later()
      await host.post('/otp', { phone: '4915112345678' })
      const [message] = await host.messagesTo('4915112345678')
      host.clock.advance(61_000)
      const token = /\d{6}/.exec(message!.body)![0]
      expect((await verify({ type: 'sms', phone: '4915112345678', token })).body.error_code).toBe(
        'otp_expired',
      )
    })

    it('goes to one number once in a while', async () => {
      later()
      const request = () => host.post('/otp', { phone: '4915188888888' })
      expect((await request()).status).toBe(200)
      expect(await request()).toMatchObject({ status: 429, body: { error_code: 'over_sms_send_rate_limit' } })
    })

    it('belongs to one account', async () => {
      const create = () =>
        host.asService('POST', '/admin/users', { phone: '4915166666666', phone_confirm: true })
      expect((await create()).body).toMatchObject({ phone_confirmed_at: expect.any(String) })
      expect(await create()).toMatchObject({ status: 422, body: { error_code: 'phone_exists' } })
    })

    it('signs up with a password, confirmed by the code', async () => {
      const client = host.client()
      const { data } = await client.auth.signUp({ phone: '+4915199999999', password: 'correct horse' })
      expect(data.session).toBeNull()
      const signIn = () =>
        client.auth.signInWithPassword({ phone: '+4915199999999', password: 'correct horse' })
      expect((await signIn()).error?.code).toBe('phone_not_confirmed')
      const [message] = await host.messagesTo('4915199999999')
      await client.auth.verifyOtp({
        phone: '+4915199999999',
        token: /\d{6}/.exec(message!.body)![0],
        type: 'sms',
      })
      expect((await signIn()).error).toBeNull()
    })
  })

  describe('to change something', () => {
    const account = async (email: string) => {
      await host.asService('POST', '/admin/users', { email, password: 'correct horse', email_confirm: true })
      const client = host.client()
      const { data } = await client.auth.signInWithPassword({ email, password: 'correct horse' })
      return { client, token: data.session!.access_token, id: data.user!.id }
    }

    it('recovers a password', async () => {
      await account('gil@example.test')
      const client = host.client()
      await client.auth.resetPasswordForEmail('gil@example.test')
      const link = linkOf(await newest('gil@example.test'))
      const { data } = await client.auth.verifyOtp({
        token_hash: link.searchParams.get('token')!,
        type: 'recovery',
      })
      expect(data.user?.email).toBe('gil@example.test')
      expect((await client.auth.updateUser({ password: 'a new password' })).error).toBeNull()
      expect((await host.signIn('gil@example.test', 'a new password')).status).toBe(200)
    })

    it('changes the address when both have confirmed, in whatever order', async () => {
      const { client, id } = await account('hal@example.test')
      const { data, error } = await client.auth.updateUser({ email: 'Hal.New@example.test' })
      expect(error).toBeNull()
      expect(data.user).toMatchObject({ email: 'hal@example.test', new_email: 'hal.new@example.test' })
      const first = await follow(linkOf(await newest('hal.new@example.test')))
      expect(first.fragment.get('message')).toContain('other email')
      expect((await host.signIn('hal.new@example.test')).status).toBe(400)
      const code = codeOf(await newest('hal@example.test'))
      const second = await verify({ type: 'email_change', email: 'hal@example.test', token: code })
      expect(second.body.user).toMatchObject({
        id,
        email: 'hal.new@example.test',
        identities: [{ identity_data: { email: 'hal.new@example.test', email_verified: true } }],
      })
      expect((await host.signIn('hal@example.test')).status).toBe(400)
    })

    it('takes no address that is taken meanwhile', async () => {
      const { client } = await account('ida@example.test')
      await client.auth.updateUser({ email: 'wanted@example.test' })
      await account('wanted@example.test')
      await follow(linkOf(await newest('ida@example.test')))
      const { fragment } = await follow(linkOf(await newest('wanted@example.test')))
      expect(fragment.get('error_code')).toBe('email_exists')
    })

    it('makes an anonymous account a person', async () => {
      const client = host.client()
      const { data } = await client.auth.signInAnonymously()
      await client.auth.updateUser({ email: 'jan@example.test' })
      expect((await client.auth.getUser()).data.user?.is_anonymous).toBe(true)
      const { fragment } = await follow(linkOf(await newest('jan@example.test')))
      const claims = JSON.parse(atob(fragment.get('access_token')!.split('.')[1]!))
      expect(claims).toMatchObject({ sub: data.user!.id, is_anonymous: false, email: 'jan@example.test' })
    })

    it('changes the phone number by its code', async () => {
      const { client } = await account('kim@example.test')
      await client.auth.updateUser({ phone: '+4915177777777' })
      const [message] = await host.messagesTo('4915177777777')
      const { data, error } = await client.auth.verifyOtp({
        phone: '+4915177777777',
        token: /\d{6}/.exec(message!.body)![0],
        type: 'phone_change',
      })
      expect(error).toBeNull()
      expect(data.user).toMatchObject({ phone: '4915177777777', email: 'kim@example.test' })
    })

    it('asks an old session for a code before a new password', async () => {
      host.restart({ securityUpdatePasswordRequireReauthentication: true, jwtExp: 200_000 })
      const { client } = await account('leo@example.test')
      host.clock.advance(25 * 3_600_000)
      const change = (nonce?: string) =>
        client.auth.updateUser({ password: `new password ${nonce}`, ...(nonce ? { nonce } : {}) })
      expect((await change()).error?.code).toBe('reauthentication_needed')
      expect((await client.auth.reauthenticate()).error).toBeNull()
      const code = codeOf(await newest('leo@example.test'))
      expect((await change('000000')).error?.code).toBe('reauthentication_not_valid')
      expect((await change(code)).error).toBeNull()
      expect((await change(code)).error?.code).toBe('reauthentication_not_valid')
      host.restart()
    })
  })

  describe('made by an administrator', () => {
    const admin = () => host.client(host.keys.serviceRoleKey).auth.admin

    it.each(['signup', 'magiclink', 'recovery', 'invite'] as const)('%s', async (type) => {
      const email = `link-${type}@example.test`
      if (type === 'magiclink' || type === 'recovery')
        await host.asService('POST', '/admin/users', { email, email_confirm: true })
      const { data, error } = await admin().generateLink({ type, email, password: 'correct horse' } as never)
      expect(error).toBeNull()
      const { properties } = data
      expect(properties).toMatchObject({ verification_type: type, redirect_to: 'http://localhost:3000' })
      const { fragment } = await follow(new URL(properties!.action_link))
      expect(fragment.get('type')).toBe(type)
      expect(fragment.get('access_token')).not.toBeNull()
      const again = await verify({ type, token_hash: properties!.hashed_token })
      expect(again.body.error_code).toBe('otp_expired')
      expect(await host.messagesTo(email)).toEqual([])
    })

    it('changes an address through both links', async () => {
      const email = 'link-change@example.test'
      await host.asService('POST', '/admin/users', { email, email_confirm: true })
      const links = await Promise.all(
        (['email_change_current', 'email_change_new'] as const).map((type) =>
          admin().generateLink({ type, email, newEmail: 'link-changed@example.test' }),
        ),
      )
      const [current, next] = links.map(({ data }) => new URL(data.properties!.action_link))
      expect((await follow(current!)).fragment.get('message')).toContain('other email')
      expect((await follow(next!)).fragment.get('access_token')).not.toBeNull()
    })

    it('invites by mail, and an existing user not', async () => {
      const { data } = await admin().inviteUserByEmail('guest@example.test', { data: { team: 7 } })
      expect(data.user).toMatchObject({ invited_at: expect.any(String), user_metadata: { team: 7 } })
      const { fragment } = await follow(linkOf(await newest('guest@example.test')))
      expect(fragment.get('type')).toBe('invite')
      expect((await admin().inviteUserByEmail('guest@example.test')).error?.code).toBe('email_exists')
    })

    it('is written down', async () => {
      const { rows } = await host.database.asOwner(sql`
        select payload->>'action' as action, payload->'traits'->>'user_id' is not null as names_user
        from auth.audit_log_entries where payload->>'action' = 'user_invited'`)
      expect(rows).toContainEqual({ action: 'user_invited', names_user: true })
    })
  })

  describe('under attack', () => {
    it('gives one of many who show the same code a session', async () => {
      await host.post('/otp', { email: 'race@example.test' })
      const message = await newest('race@example.test')
      const byCode = { type: 'email', email: 'race@example.test', token: codeOf(message) }
      const byLink = { type: 'signup', token_hash: linkOf(message).searchParams.get('token') }
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, index) => verify(index % 2 ? byCode : byLink)),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      const { rows } = await host.database.asOwner(sql`
        select count(*)::int as sessions from auth.sessions s join auth.users u on u.id = s.user_id
        where u.email = 'race@example.test'`)
      expect(rows).toEqual([{ sessions: 1 }])
    })

    it('ends a code after five wrong ones, also when they come at once, and leaves its link', async () => {
      await host.post('/otp', { email: 'guess@example.test' })
      const message = await newest('guess@example.test')
      const right = codeOf(message)
      const wrong = Array.from({ length: 8 }, (_, index) =>
        String((Number(right) + index + 1) % 1e6).padStart(6, '0'),
      )
      const guess = (token: string) => verify({ type: 'email', email: 'guess@example.test', token })
      const answers = await Promise.all(wrong.map(guess))
      expect(new Set(answers.map(({ body }) => body.error_code))).toEqual(new Set(['otp_expired']))
      expect((await guess(right)).body.error_code).toBe('otp_expired')
      expect((await follow(linkOf(message))).fragment.get('access_token')).not.toBeNull()
    })

    it('takes no code for another address, purpose or type', async () => {
      await host.post('/otp', { email: 'one@example.test' })
      await host.post('/otp', { email: 'two@example.test' })
      const message = await newest('one@example.test')
      const token = codeOf(message)
      const link = linkOf(message).searchParams.get('token')
      for (const body of [
        { type: 'email', email: 'two@example.test', token },
        { type: 'recovery', email: 'one@example.test', token },
        { type: 'email_change', email: 'one@example.test', token },
        { type: 'recovery', token_hash: link },
        { type: 'email_change', token_hash: link },
      ])
        expect((await verify(body)).body.error_code).toBe('otp_expired')
    })

    it('ends codes and links with their time', async () => {
      await host.post('/otp', { email: 'late@example.test' })
      const message = await newest('late@example.test')
      host.clock.advance(3_600_001)
      const byCode = await verify({ type: 'email', email: 'late@example.test', token: codeOf(message) })
      expect(byCode.body.error_code).toBe('otp_expired')
      expect((await follow(linkOf(message))).fragment.get('error_code')).toBe('otp_expired')
    })

    it('leads nobody to an address that is not allowed', async () => {
      await host.post('/otp?redirect_to=https://evil.example', { email: 'open@example.test' })
      const link = linkOf(await newest('open@example.test'))
      expect(link.searchParams.get('redirect_to')).toBe('http://localhost:3000')
      link.searchParams.set('redirect_to', 'https://evil.example/take')
      const { target } = await follow(link)
      expect(target.origin).toBe('http://localhost:3000')
    })

    it('keeps nothing in the database that signs in', async () => {
      await host.post('/otp', { email: 'stored@example.test' })
      const message = await newest('stored@example.test')
      const { rows } = await host.database.asOwner<{ text: string }>(
        sql`select string_agg(t::text, ' ') as text from auth.one_time_tokens t`,
      )
      expect(rows[0]!.text).not.toContain(linkOf(message).searchParams.get('token'))
      expect(rows[0]!.text).not.toMatch(new RegExp(`[,(]${codeOf(message)}[,)]`))
    })

    it('sends no header that a client wrote', async () => {
      await host.post('/otp', {
        email: 'inject@example.test',
        data: { name: 'x\r\nBcc: everybody@example.test', html: '<script>alert(1)</script>' },
      })
      const injected = await host.post('/otp', { email: 'a@example.test\r\nBcc: b@example.test' })
      expect(injected.body.error_code).toBe('validation_failed')
      expect((await newest('inject@example.test'))?.html).not.toContain('<script>')
    })

    it.each([
      [{}],
      [{ type: 'email' }],
      [{ type: 'email', token: '1' }],
      [{ type: 'nonsense', token: '1', email: 'ada@example.test' }],
      [{ type: 'constructor', token_hash: '1' }],
      [{ type: 'sms', token: '1', email: 'ada@example.test' }],
      [{ type: 'email', token: '1', email: 'ada@example.test', phone: '123456' }],
      [{ type: 'email', token_hash: 'x', email: 'ada@example.test' }],
    ])('refuses %j', async (body) => {
      expect(await verify(body)).toMatchObject({ status: 400, body: { error_code: 'validation_failed' } })
    })
  })
})
