import * as bcrypt from '@node-rs/bcrypt'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { createPasswordHasher } from '../index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

describe('signing in by password', () => {
  const host = useAuthHost({ connections: { requests: 2, owner: 12 } })

  it('opens a session that remembers where from', async () => {
    const signedUp = await host.signUp('ada@example.test')
    host.clock.advance(5000)
    const { status, body } = await host.post(
      '/token?grant_type=password',
      { email: 'ADA@example.test ', password: 'correct horse' },
      { headers: { 'user-agent': 'Analytical Engine/1' } },
    )
    expect(status).toBe(200)
    expect(body.user.last_sign_in_at > signedUp.body.user.last_sign_in_at).toBe(true)
    const { rows } = await host.database.asOwner(
      sql`select user_agent, aal, ip from auth.sessions where user_id = ${body.user.id} order by created_at`,
    )
    expect(rows).toHaveLength(2)
    expect(rows[1]).toEqual({ user_agent: 'Analytical Engine/1', aal: 'aal1', ip: null })
  })

  it('says the same of an unknown address and a wrong password', async () => {
    const wrong = await host.signIn('ada@example.test', 'wrong password')
    const unknown = await host.signIn('nobody@example.test', 'wrong password')
    const absurd = await host.signIn('no address at all', 'wrong password')
    expect(wrong).toMatchObject({
      status: 400,
      body: { error_code: 'invalid_credentials', msg: 'Invalid login credentials' },
    })
    expect(unknown.body).toEqual(wrong.body)
    expect(unknown.status).toBe(wrong.status)
    expect(absurd.body).toEqual(wrong.body)
  })

  it('takes the same time for an unknown address and a wrong password', async () => {
    await host.asService('POST', '/admin/users', {
      email: 'imported@example.test',
      email_confirm: true,
      password_hash: await bcrypt.hash('tea', { cost: 8 }),
    })
    const timeOf = async (email: string) => {
      const start = performance.now()
      await host.signIn(email, 'wrong password')
      return performance.now() - start
    }
    const emails = ['nobody@example.test', 'ada@example.test', 'imported@example.test']
    const rounds: number[][] = []
    for (let round = 0; round < 9; round += 1) {
      const times: number[] = []
      for (const email of emails) times.push(await timeOf(email))
      rounds.push(times)
    }
    const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
    const [unknown, wrong, imported] = emails.map((_, index) => median(rounds.map((times) => times[index]!)))
    expect(wrong! / unknown!).toBeGreaterThan(0.7)
    expect(wrong! / unknown!).toBeLessThan(1.4)
    expect(imported! / unknown!).toBeGreaterThan(0.7)
    expect(imported! / unknown!).toBeLessThan(1.4)
  })

  it('moves an imported account to argon2id the first time that it signs in', async () => {
    const password = 'imported password'
    const { body: created } = await host.asService('POST', '/admin/users', {
      email: 'bea@example.test',
      email_confirm: true,
      password_hash: await bcrypt.hash(password, { cost: 4, version: '2a' }),
    })
    const storedHash = async () => {
      const { rows } = await host.database.asOwner<{ hash: string }>(
        sql`select encrypted_password as hash from auth.users where id = ${created.id}`,
      )
      return rows[0]!.hash
    }
    expect((await host.signIn('bea@example.test', 'wrong password')).status).toBe(400)
    expect(await storedHash()).toMatch(/^\$2a\$/)
    expect((await host.signIn('bea@example.test', password)).status).toBe(200)
    expect(await storedHash()).toMatch(/^\$argon2id\$/)
    expect((await host.signIn('bea@example.test', password)).status).toBe(200)
  })

  it('takes an account that pgcrypto made, as seeds of Supabase projects do', async () => {
    await host.database.asOwner(sql`
      insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
        raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token, email_change,
        email_change_token_new, recovery_token)
      values ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated',
        'Seed@example.test', extensions.crypt('seed password', extensions.gen_salt('bf', 4)), now(),
        '{"provider":"email","providers":["email"]}', '{}', now(), now(), '', '', '', '')`)
    expect((await host.signIn('seed@example.test', 'seed password')).status).toBe(200)
    expect(await host.signUp('seed@example.test')).toMatchObject({
      body: { error_code: 'user_already_exists' },
    })
  })

  it('tells only who knows the password that the account is banned', async () => {
    const { body } = await host.signUp('carl@example.test')
    await host.asService('PUT', `/admin/users/${body.user.id}`, { ban_duration: '24h' })
    expect(await host.signIn('carl@example.test', 'wrong password')).toMatchObject({
      body: { error_code: 'invalid_credentials' },
    })
    expect(await host.signIn('carl@example.test')).toMatchObject({ body: { error_code: 'user_banned' } })
    host.clock.advance(24 * 3_600_000)
    expect((await host.signIn('carl@example.test')).status).toBe(200)
  })

  it('opens no session by a password that was changed while it was checked', async () => {
    const { body } = await host.signUp('dora@example.test')
    const change = () =>
      host.asService('PUT', `/admin/users/${body.user.id}`, { password: 'another password' })
    const signIns = Array.from({ length: 6 }, () => host.signIn('dora@example.test'))
    const [changed, ...answers] = await Promise.all([change(), ...signIns])
    expect(changed!.status).toBe(200)
    // Sessions from before the change ended with it; none by the old password may have come after.
    const { rows } = await host.database.asOwner(
      sql`select s.id from auth.sessions s where s.user_id = ${body.user.id}`,
    )
    expect(rows).toEqual([])
    expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true)
  })

  it.each([
    [{ email: 'ada@example.test' }, 400, 'validation_failed'],
    [{ password: 'correct horse' }, 400, 'validation_failed'],
    [{ email: 'ada@example.test', password: ['correct horse'] }, 400, 'validation_failed'],
    [{ phone: '123456', password: 'correct horse' }, 422, 'phone_provider_disabled'],
    [{ email: 'a@b.test', phone: '123456', password: 'correct horse' }, 400, 'validation_failed'],
    [{ email: 'ada@example.test', password: 'x'.repeat(60_000) }, 400, 'invalid_credentials'],
    [{ email: "' or 1=1 --", password: "' or 1=1 --" }, 400, 'invalid_credentials'],
  ])('refuses %j with %i %s', async (body, status, code) => {
    expect(await host.post('/token?grant_type=password', body)).toMatchObject({
      status,
      body: { error_code: code },
    })
  })

  it.each(['', '?grant_type=', '?grant_type=client_credentials', '?grant_type=__proto__'])(
    'knows no grant %j',
    async (query) => {
      const { status, body } = await host.post(`/token${query}`, {})
      expect(status).toBe(400)
      expect(body).toMatchObject({ error: 'unsupported_grant_type', error_code: 'validation_failed' })
    },
  )
})

describe('guessing passwords', () => {
  const host = useAuthHost({
    settings: { rateLimitWrongPasswords: 3 },
    connections: { requests: 2, owner: 12 },
  })
  const guess = (email: string) => host.signIn(email, 'wrong password')

  it('ends after a few wrong ones, whether the account exists or not', async () => {
    await host.signUp('ada@example.test')
    for (const email of ['ada@example.test', 'nobody@example.test']) {
      for (let round = 0; round < 3; round += 1) expect((await guess(email)).status).toBe(400)
      const { status, headers, body } = await guess(email)
      expect(status).toBe(429)
      expect(body.error_code).toBe('over_request_rate_limit')
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(50)
    }
    expect((await host.signIn('ada@example.test')).status).toBe(429)
  })

  it('starts afresh after a right one', async () => {
    await host.signUp('bob@example.test')
    for (let round = 0; round < 3; round += 1) {
      expect((await guess('bob@example.test')).status).toBe(400)
      expect((await guess('bob@example.test')).status).toBe(400)
      expect((await host.signIn('bob@example.test')).status).toBe(200)
    }
  })

  it('tells no more when all guesses come at once (AT-37)', async () => {
    await host.signUp('carl@example.test')
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        host.signIn('carl@example.test', index === 11 ? 'correct horse' : 'wrong password'),
      ),
    )
    expect(answers.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(3)
    expect(answers.at(-1)!.status).toBe(429)
  })
})

describe('signing in while somebody floods a project from one address (10.5)', () => {
  const passwords = createPasswordHasher({ atOnce: 1, places: 8 })
  const attacked = useAuthHost({ passwords, connections: { requests: 2, owner: 4 } })
  const neighbour = useAuthHost({ passwords, connections: { requests: 2, owner: 4 } })
  const body = (password: string) => ({ email: 'ada@example.test', password })
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const signIn = (host: typeof attacked, password: string, address: string) =>
    host.post('/token?grant_type=password', body(password), from(address))

  it('goes on for everybody else, in this project and in others', async () => {
    await attacked.signUp('ada@example.test')
    await neighbour.signUp('ada@example.test')
    const flood = Array.from({ length: 120 }, () => signIn(attacked, 'wrong password', '192.0.2.66'))
    const others = await Promise.all([
      signIn(attacked, 'correct horse', '192.0.2.7'),
      signIn(neighbour, 'correct horse', '192.0.2.8'),
      signIn(attacked, 'correct horse', '2001:db8::1'),
    ])
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200])
    const statuses = (await Promise.all(flood)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([400, 429]))
  })
})
