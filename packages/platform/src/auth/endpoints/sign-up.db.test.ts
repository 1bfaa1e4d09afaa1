import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

/** What the migrations of many Supabase projects contain. */
const system = `
  create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    username text unique check (length(username) < 20),
    confirmed_at timestamptz,
    patience text default current_setting('statement_timeout')
  );
  create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
  begin
    insert into public.profiles (id, username) values (new.id, new.raw_user_meta_data ->> 'username');
    return new;
  end $$;
  create trigger on_auth_user_created after insert on auth.users
    for each row execute procedure public.handle_new_user();
  create function public.handle_confirmation() returns trigger language plpgsql security definer set search_path = '' as $$
  begin
    update public.profiles set confirmed_at = new.email_confirmed_at where id = new.id;
    return new;
  end $$;
  create trigger on_auth_user_confirmed after update on auth.users
    for each row when (old.email_confirmed_at is null and new.email_confirmed_at is not null)
    execute procedure public.handle_confirmation();`

describe('signing up', () => {
  const host = useAuthHost({ seed: system, connections: { requests: 2, owner: 12 } })
  const rowsOf = async (email: string) => {
    const { rows } = await host.database.asOwner(sql`
      select u.id, u.encrypted_password, p.username, p.confirmed_at, p.patience, u.email_confirmed_at,
        (select count(*)::int from auth.identities i where i.user_id = u.id) as identities,
        (select count(*)::int from auth.sessions s where s.user_id = u.id) as sessions
      from auth.users u left join public.profiles p on p.id = u.id where u.email = ${email}`)
    return rows
  }

  it('answers as GoTrue does', async () => {
    const { status, body, headers } = await host.signUp('Ada@Example.test', 'correct horse', {
      username: 'ada',
    })
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    const at = host.clock.now()
    expect(body).toEqual({
      access_token: expect.stringMatching(/^ey[\w-]+\.ey[\w-]+\.[\w-]+$/),
      token_type: 'bearer',
      expires_in: 3600,
      expires_at: Math.floor(at.getTime() / 1000) + 3600,
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      user: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        aud: 'authenticated',
        role: 'authenticated',
        email: 'ada@example.test',
        email_confirmed_at: expect.any(String),
        phone: '',
        confirmed_at: expect.any(String),
        last_sign_in_at: expect.any(String),
        app_metadata: { provider: 'email', providers: ['email'] },
        user_metadata: { username: 'ada' },
        identities: [
          {
            identity_id: expect.any(String),
            id: body.user.id,
            user_id: body.user.id,
            identity_data: {
              sub: body.user.id,
              email: 'ada@example.test',
              email_verified: false,
              phone_verified: false,
            },
            provider: 'email',
            last_sign_in_at: expect.any(String),
            created_at: expect.any(String),
            updated_at: expect.any(String),
            email: 'ada@example.test',
          },
        ],
        created_at: expect.any(String),
        updated_at: expect.any(String),
        is_anonymous: false,
      },
    })
    for (const instant of ['created_at', 'last_sign_in_at', 'confirmed_at']) {
      expect(body.user[instant]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$/)
      expect(Date.parse(body.user[instant])).toBe(at.getTime())
    }
  })

  it('runs the system’s triggers in the same transaction, on creation and on confirmation', async () => {
    await host.signUp('bob@example.test', 'correct horse', { username: 'bob' })
    expect(await rowsOf('bob@example.test')).toEqual([
      expect.objectContaining({ username: 'bob', identities: 1, sessions: 1 }),
    ])
    const [row] = await rowsOf('bob@example.test')
    expect(row!.confirmed_at).toBe(row!.email_confirmed_at)
  })

  it('does not wait for a trigger for ever', async () => {
    const [row] = await rowsOf('bob@example.test')
    expect(row!.patience).toBe('15s')
  })

  it.each([
    ['breaks a rule', 'a name that is far too long'],
    ['takes what is taken', 'bob'],
  ])('stores nothing when a trigger %s', async (_, username) => {
    const { status, body } = await host.signUp('carl@example.test', 'correct horse', { username })
    expect(status).toBe(500)
    expect(body).toMatchObject({
      code: 500,
      error_code: 'unexpected_failure',
      msg: 'Database error saving new user',
    })
    expect(await rowsOf('carl@example.test')).toEqual([])
    const { rows } = await host.database.asOwner(sql`
      select (select count(*)::int from auth.users) as users, (select count(*)::int from auth.identities) as identities,
        (select count(*)::int from auth.sessions) as sessions, (select count(*)::int from public.profiles) as profiles`)
    expect(new Set(Object.values(rows[0]!)).size).toBe(1)
  })

  it('refuses a second account for an address, in whatever case', async () => {
    const { status, body } = await host.signUp('ADA@example.test', 'another password')
    expect(status).toBe(422)
    expect(body).toMatchObject({ error_code: 'user_already_exists', msg: 'User already registered' })
  })

  it('lets one of many sign-ups of an address at once win', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => host.signUp('dora@example.test', `password number ${index}`)),
    )
    const winners = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
    expect(winners).toHaveLength(1)
    const others = answers.filter(({ status }) => status !== 200)
    expect(new Set(others.map(({ body }) => body.error_code))).toEqual(new Set(['user_already_exists']))
    expect(await rowsOf('dora@example.test')).toHaveLength(1)
    expect((await host.signIn('dora@example.test', `password number ${winners[0]}`)).status).toBe(200)
  })

  it('keeps nothing of the password but its hash', async () => {
    await host.signUp('eve@example.test', 'a very secret password')
    const [row] = await rowsOf('eve@example.test')
    expect(row!.encrypted_password).toMatch(/^\$argon2id\$/)
    const { rows } = await host.database.asOwner<{ text: string }>(
      sql`select u::text as text from auth.users u`,
    )
    expect(rows.map(({ text }) => text).join()).not.toContain('a very secret password')
  })

  it('tells the journal who signed up', async () => {
    const slot = 'sign_up_test'
    const client = new pg.Client({ connectionString: host.addresses.replication })
    await client.connect()
    try {
      await client.query(`select pg_create_logical_replication_slot($1, 'test_decoding')`, [slot])
      const { body } = await host.signUp('fay@example.test')
      const { rows } = await client.query<{ data: string }>(
        `select data from pg_logical_slot_get_changes($1, null, null) where data like 'message:%'`,
        [slot],
      )
      expect(rows).toHaveLength(1)
      expect(rows[0]!.data).toContain('plinth.actor')
      expect(rows[0]!.data).toContain(`"user":"${body.user.id}"`)
      expect(rows[0]!.data).toContain('"via":"auth"')
      await client.query('select pg_drop_replication_slot($1)', [slot])
    } finally {
      await client.end()
    }
  })

  it.each([
    [{ email: 'nobody', password: 'correct horse' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: '' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: 'x'.repeat(257) }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: 'short' }, 422, 'weak_password'],
    [{ email: 'gil@example.test', password: 'correct\0horse' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: 'correct \ud800horse' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: 'correct horse', data: 'text' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', password: 'correct horse', data: { a: 'x\0' } }, 400, 'validation_failed'],
    [
      { email: 'gil@example.test', password: 'correct horse', data: { a: 'x'.repeat(7000) } },
      400,
      'validation_failed',
    ],
    [{ email: 7, password: 'correct horse' }, 400, 'validation_failed'],
    [{ email: 'gil@example.test', phone: '123456', password: 'correct horse' }, 400, 'validation_failed'],
    [{ phone: '123456', password: 'correct horse' }, 422, 'phone_provider_disabled'],
    [{ password: 'correct horse' }, 422, 'anonymous_provider_disabled'],
    [{}, 422, 'anonymous_provider_disabled'],
    ['', 400, 'bad_json'],
    ['{"email": ', 400, 'bad_json'],
    ['[]', 400, 'bad_json'],
    ['null', 400, 'bad_json'],
    [JSON.stringify({ data: { a: 'x'.repeat(70_000) } }), 413, 'body_too_large'],
  ])('refuses %j with %i %s', async (body, status, code) => {
    const answer = await host.post('/signup', body)
    expect(answer).toMatchObject({ status, body: { error_code: code } })
  })

  it('can be closed to strangers', async () => {
    host.restart({ disableSignup: true })
    expect(await host.signUp('hal@example.test')).toMatchObject({
      status: 422,
      body: { error_code: 'signup_disabled' },
    })
    host.restart()
  })

  it('is limited by address, with the time to wait', async () => {
    host.restart({ rateLimitSignIns: 2 })
    await host.signUp('ida@example.test')
    await host.signIn('ida@example.test')
    const { status, headers, body } = await host.signUp('jan@example.test')
    expect(status).toBe(429)
    expect(body).toMatchObject({ code: 429, error_code: 'over_request_rate_limit' })
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    host.restart()
  })
})

describe('signing up where addresses have to be confirmed', () => {
  const host = useAuthHost({ settings: { mailerAutoconfirm: false } })

  it('gives a user without a session, who cannot sign in before somebody confirms the address', async () => {
    const { status, body } = await host.signUp('ada@example.test')
    expect(status).toBe(200)
    expect(body).toMatchObject({ email: 'ada@example.test', identities: [{ provider: 'email' }] })
    expect(body).not.toHaveProperty('email_confirmed_at')
    expect(body).not.toHaveProperty('access_token')
    expect(await host.signIn('ada@example.test')).toMatchObject({
      status: 400,
      body: { error_code: 'email_not_confirmed' },
    })
    const confirmed = await host.asService('PUT', `/admin/users/${body.id}`, { email_confirm: true })
    expect(confirmed.body).toMatchObject({
      email_confirmed_at: expect.any(String),
      identities: [{ identity_data: { email_verified: true } }],
    })
    expect((await host.signIn('ada@example.test')).status).toBe(200)
  })

  it('answers a taken address as it answers a new one, and leaves the real account alone', async () => {
    host.restart()
    const { body: fresh } = await host.signUp('fresh@example.test', 'correct horse', {
      name: 'Mallory',
      a: 1e3,
    })
    const { status, body } = await host.signUp('ada@example.test', 'a stranger’s password', {
      name: 'Mallory',
      a: 1e3,
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      email: 'ada@example.test',
      user_metadata: { name: 'Mallory', a: 1000 },
    })
    const shapeOf = (json: object) =>
      JSON.stringify(json, (_, value) => (typeof value === 'string' ? '' : value))
    expect(shapeOf(body)).toBe(shapeOf(fresh))
    expect(body.confirmation_sent_at).toBe(body.created_at)
    const { body: real } = await host.signIn('ada@example.test')
    expect(real.user.id).not.toBe(body.id)
    expect(real.user.user_metadata).toEqual({})
    expect((await host.signIn('ada@example.test', 'a stranger’s password')).status).toBe(400)
  })
})
