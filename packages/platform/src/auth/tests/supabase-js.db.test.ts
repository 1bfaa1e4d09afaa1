import { describe, expect, it } from 'vitest'
import { useAuthHost } from './auth-host.ts'

describe('an unmodified supabase-js', () => {
  const host = useAuthHost({ settings: { externalAnonymousUsersEnabled: true } })

  it('signs up, and has a session and a user at once', async () => {
    const client = host.client()
    const { data, error } = await client.auth.signUp({
      email: 'Ada@Example.test',
      password: 'difference engine',
      options: { data: { name: 'Ada' } },
    })
    expect(error).toBeNull()
    expect(data.session).toMatchObject({ token_type: 'bearer', expires_in: 3600 })
    expect(data.user).toMatchObject({
      email: 'ada@example.test',
      role: 'authenticated',
      user_metadata: { name: 'Ada' },
      app_metadata: { provider: 'email', providers: ['email'] },
      is_anonymous: false,
      identities: [{ provider: 'email', user_id: data.user?.id, id: data.user?.id }],
    })
    expect((await client.auth.getUser()).data.user?.id).toBe(data.user?.id)
  })

  it('verifies its token against the published keys, and finds GoTrue’s claims in it', async () => {
    const client = host.client()
    const { data } = await client.auth.signInWithPassword({
      email: 'ada@example.test',
      password: 'difference engine',
    })
    const { data: verified, error } = await client.auth.getClaims()
    expect(error).toBeNull()
    expect(verified?.header).toMatchObject({ alg: 'ES256', kid: expect.any(String) })
    expect(verified?.claims).toEqual({
      iss: 'http://127.0.0.1:54321/sample/auth/v1',
      sub: data.user?.id,
      aud: 'authenticated',
      exp: expect.any(Number),
      iat: expect.any(Number),
      email: 'ada@example.test',
      phone: '',
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: { name: 'Ada' },
      role: 'authenticated',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: expect.any(Number) }],
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      is_anonymous: false,
    })
    expect(verified!.claims.exp - verified!.claims.iat).toBe(3600)
  })

  it('learns the code of a failure', async () => {
    const { error } = await host
      .client()
      .auth.signInWithPassword({ email: 'ada@example.test', password: 'wrong one' })
    expect(error).toMatchObject({ name: 'AuthApiError', status: 400, code: 'invalid_credentials' })
    const { error: weak } = await host.client().auth.signUp({ email: 'bob@example.test', password: 'abc' })
    expect(weak).toMatchObject({ name: 'AuthWeakPasswordError', code: 'weak_password', reasons: ['length'] })
  })

  it('refreshes, updates its user and takes a new password', async () => {
    const client = host.client()
    await client.auth.signUp({ email: 'carl@example.test', password: 'first password' })
    const before = (await client.auth.getSession()).data.session
    const { data: refreshed, error } = await client.auth.refreshSession()
    expect(error).toBeNull()
    expect(refreshed.session?.refresh_token).not.toBe(before?.refresh_token)
    const { data: updated } = await client.auth.updateUser({
      data: { theme: 'dark' },
      password: 'second password',
    })
    expect(updated.user?.user_metadata).toEqual({ theme: 'dark' })
    const again = await client.auth.signInWithPassword({
      email: 'carl@example.test',
      password: 'second password',
    })
    expect(again.error).toBeNull()
    expect(again.data.user?.user_metadata).toEqual({ theme: 'dark' })
  })

  it('signs out, and its session is gone', async () => {
    const client = host.client()
    const { data } = await client.auth.signUp({ email: 'dora@example.test', password: 'some password' })
    expect((await client.auth.signOut()).error).toBeNull()
    const { error } = await client.auth.getUser(data.session!.access_token)
    expect(error?.name).toBe('AuthSessionMissingError')
    const { error: refused } = await client.auth.refreshSession({
      refresh_token: data.session!.refresh_token,
    })
    expect(refused).toMatchObject({ code: 'refresh_token_not_found' })
  })

  it('signs in anonymously and becomes a person by giving an address', async () => {
    const client = host.client()
    const { data } = await client.auth.signInAnonymously({ options: { data: { cart: 7 } } })
    expect(data.user).toMatchObject({ is_anonymous: true, email: '', identities: [] })
    const { data: updated, error } = await client.auth.updateUser({
      email: 'eve@example.test',
      password: 'an own password',
    })
    expect(error).toBeNull()
    expect(updated.user).toMatchObject({
      id: data.user?.id,
      is_anonymous: false,
      email: 'eve@example.test',
      app_metadata: { provider: 'email' },
      user_metadata: { cart: 7 },
      identities: [{ provider: 'email' }],
    })
    const again = await client.auth.signInWithPassword({
      email: 'eve@example.test',
      password: 'an own password',
    })
    expect(again.data.user?.id).toBe(data.user?.id)
  })

  it('administers users with the service role key', async () => {
    const { admin } = host.client(host.keys.serviceRoleKey).auth
    const { data: created, error } = await admin.createUser({
      email: 'frank@example.test',
      password: 'given password',
      email_confirm: true,
      user_metadata: { name: 'Frank' },
      app_metadata: { plan: 'pro' },
    })
    expect(error).toBeNull()
    const id = created.user!.id
    expect(created.user).toMatchObject({
      app_metadata: { provider: 'email', plan: 'pro' },
      email_confirmed_at: expect.any(String),
    })
    await admin.updateUserById(id, { app_metadata: { plan: null, seats: 3 }, ban_duration: '1h' })
    const { data: found } = await admin.getUserById(id)
    expect(found.user?.app_metadata).toEqual({ provider: 'email', providers: ['email'], seats: 3 })
    expect(Date.parse(found.user!.banned_until!)).toBe(host.clock.now().getTime() + 3_600_000)
    expect((await admin.deleteUser(id)).error).toBeNull()
    expect((await admin.getUserById(id)).error).toMatchObject({ code: 'user_not_found', status: 404 })
  })

  it('pages through users', async () => {
    const { admin } = host.client(host.keys.serviceRoleKey).auth
    const { data: first } = await admin.listUsers({ page: 1, perPage: 2 })
    const { data: second } = await admin.listUsers({ page: 2, perPage: 2 })
    expect(first).toMatchObject({ nextPage: 2, aud: 'authenticated' })
    if (!('total' in first)) throw new Error('no page')
    expect(first.lastPage).toBe(Math.ceil(first.total / 2))
    expect(first.users).toHaveLength(2)
    const ids = [...first.users, ...second.users].map((user) => user.id)
    expect(new Set(ids).size).toBe(4)
  })

  it('keeps its session across a restart of the server', async () => {
    const client = host.client()
    await client.auth.signUp({ email: 'gina@example.test', password: 'some password' })
    host.restart({ externalAnonymousUsersEnabled: true })
    expect((await client.auth.getUser()).data.user?.email).toBe('gina@example.test')
    expect((await client.auth.refreshSession()).error).toBeNull()
  })
})
