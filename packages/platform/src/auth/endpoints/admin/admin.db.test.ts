import * as argon2 from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'
import { sql } from '../../../database/index.ts'
import { useAuthHost } from '../../tests/auth-host.ts'

/** Three ways in which a system's tables hang on accounts. */
const system = `
  create table public.notes (id serial primary key, user_id uuid references auth.users (id) on delete cascade);
  create table public.reports (id serial primary key, user_id uuid references auth.users (id) on delete set null);
  create table public.invoices (id serial primary key, user_id uuid references auth.users (id));`

describe('administering accounts', () => {
  const host = useAuthHost({ seed: system })
  const create = (body: object) => host.asService('POST', '/admin/users', body)

  it('is for the service role only', async () => {
    const { body } = await host.signUp('ada@example.test')
    for (const token of [host.keys.anonKey, body.access_token as string]) {
      for (const [method, path] of [
        ['POST', '/admin/users'],
        ['GET', '/admin/users'],
        ['GET', `/admin/users/${body.user.id}`],
        ['PUT', `/admin/users/${body.user.id}`],
        ['DELETE', `/admin/users/${body.user.id}`],
        ['GET', `/admin/users/${body.user.id}/factors`],
      ] as const) {
        const answer = await host.send(path, { method, token, ...(method === 'GET' ? {} : { body: {} }) })
        expect(answer).toMatchObject({ status: 403, body: { error_code: 'not_admin' } })
      }
    }
  })

  it('makes an account that cannot sign in before it is confirmed', async () => {
    const { status, body } = await create({ email: 'Bob@example.test', password: 'given password' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ email: 'bob@example.test', role: 'authenticated', identities: [{}] })
    expect(body).not.toHaveProperty('email_confirmed_at')
    expect((await host.signIn('bob@example.test', 'given password')).body.error_code).toBe(
      'email_not_confirmed',
    )
    await host.asService('PUT', `/admin/users/${body.id}`, { email_confirm: true })
    expect((await host.signIn('bob@example.test', 'given password')).status).toBe(200)
  })

  it('makes an account with an id, a hash and a ban that it brings along', async () => {
    const id = '0f6d1a52-7a35-4a6e-9a2c-5d4c6a1f0b11'
    const password_hash = await argon2.hash('own password', { memoryCost: 4096 })
    const { body } = await create({
      id,
      email: 'carl@example.test',
      password_hash,
      email_confirm: true,
      ban_duration: '2h',
    })
    expect(body).toMatchObject({ id, banned_until: expect.any(String) })
    expect((await host.signIn('carl@example.test', 'own password')).body.error_code).toBe('user_banned')
    await host.asService('PUT', `/admin/users/${id}`, { ban_duration: 'none' })
    expect((await host.signIn('carl@example.test', 'own password')).status).toBe(200)
    expect(await create({ id, email: 'dan@example.test' })).toMatchObject({
      status: 409,
      body: { error_code: 'conflict' },
    })
  })

  it('gives the role that is asked for, and tokens carry it', async () => {
    await create({
      email: 'root@example.test',
      password: 'given password',
      email_confirm: true,
      role: 'service_role',
    })
    const { body } = await host.signIn('root@example.test', 'given password')
    expect(await host.send('/admin/users', { token: body.access_token })).toMatchObject({ status: 200 })
  })

  it('ends all sessions when it sets a password', async () => {
    const { body } = await host.signUp('eve@example.test')
    await host.asService('PUT', `/admin/users/${body.user.id}`, { password: 'another password' })
    expect((await host.refresh(body.refresh_token)).body.error_code).toBe('refresh_token_not_found')
    expect((await host.signIn('eve@example.test', 'another password')).status).toBe(200)
  })

  it('removes app_metadata with null and keeps what is not named', async () => {
    const { body } = await create({ email: 'fay@example.test', app_metadata: { plan: 'pro', seats: 3 } })
    const { body: updated } = await host.asService('PUT', `/admin/users/${body.id}`, {
      app_metadata: { plan: null },
      email: 'Fay.New@example.test',
    })
    expect(updated).toMatchObject({
      email: 'fay.new@example.test',
      identities: [{ email: 'fay.new@example.test' }],
    })
    expect(updated.app_metadata).toEqual({ provider: 'email', providers: ['email'], seats: 3 })
  })

  it.each([
    ['POST', '', {}, 400, 'validation_failed'],
    ['POST', '', { email: 'ada@example.test' }, 422, 'email_exists'],
    ['POST', '', { email: 'gil@example.test', password: 'short' }, 422, 'weak_password'],
    ['POST', '', { email: 'gil@example.test', password_hash: 'plain' }, 400, 'validation_failed'],
    [
      'POST',
      '',
      { email: 'gil@example.test', password: 'given password', password_hash: 'x' },
      400,
      'validation_failed',
    ],
    ['POST', '', { email: 'gil@example.test', phone: 'call me' }, 400, 'validation_failed'],
    ['POST', '', { email: 'gil@example.test', role: 'postgres' }, 400, 'validation_failed'],
    ['POST', '', { email: 'gil@example.test', id: '7' }, 400, 'validation_failed'],
    ['POST', '', { email: 'gil@example.test', ban_duration: 'forever' }, 400, 'validation_failed'],
    [
      'POST',
      '',
      { email: 'gil@example.test', app_metadata: { a: 'x'.repeat(3000) } },
      400,
      'validation_failed',
    ],
    ['GET', '/7', undefined, 400, 'validation_failed'],
    ['GET', '/00000000-0000-4000-8000-000000000000', undefined, 404, 'user_not_found'],
    ['PUT', '/00000000-0000-4000-8000-000000000000', { email: 'gil@example.test' }, 404, 'user_not_found'],
    ['DELETE', '/00000000-0000-4000-8000-000000000000', undefined, 404, 'user_not_found'],
    ['GET', '?page=0', undefined, 400, 'validation_failed'],
    ['GET', '?page=x', undefined, 400, 'validation_failed'],
    ['GET', '?per_page=-1', undefined, 400, 'validation_failed'],
    ['GET', '?page=99999999999999', undefined, 400, 'validation_failed'],
  ])('%s /admin/users%s with %j is %i %s', async (method, path, body, status, code) => {
    expect(await host.asService(method, `/admin/users${path}`, body)).toMatchObject({
      status,
      body: { error_code: code },
    })
  })

  it('lists accounts page by page, newest first', async () => {
    host.clock.advance(1000)
    const { body: newest } = await create({ email: 'newest@example.test' })
    const { body, headers } = await host.asService('GET', '/admin/users?page=1&per_page=2')
    expect(body.aud).toBe('authenticated')
    expect(body.users[0].id).toBe(newest.id)
    const total = Number(headers.get('x-total-count'))
    const last = Math.ceil(total / 2)
    expect(headers.get('link')).toBe(
      `</sample/auth/v1/admin/users?page=2&per_page=2>; rel="next", </sample/auth/v1/admin/users?page=${last}&per_page=2>; rel="last"`,
    )
    const end = await host.asService('GET', `/admin/users?page=${last}&per_page=2`)
    expect(end.headers.get('link')).not.toContain('next')
    const beyond = await host.asService('GET', `/admin/users?page=${last + 1}&per_page=2`)
    expect(beyond.body.users).toEqual([])
    const all = await host.asService('GET', '/admin/users?page=&per_page=')
    expect(all.body.users).toHaveLength(total)
  })

  it('says that nobody has a second factor', async () => {
    const { body } = await create({ email: 'hal@example.test' })
    expect((await host.asService('GET', `/admin/users/${body.id}/factors`)).body).toEqual([])
  })

  describe('deleting', () => {
    const insert = (table: string, userId: string) =>
      host.database.asOwner({ text: `insert into public.${table} (user_id) values ($1)`, values: [userId] })
    const usersOf = async (table: string) => {
      const { rows } = await host.database.asOwner<{ user_id: string | null }>({
        text: `select user_id from public.${table}`,
      })
      return rows.map((row) => row.user_id)
    }

    it('takes sessions and identities along, and lets foreign keys decide about the rest', async () => {
      const { body } = await host.signUp('ida@example.test')
      await insert('notes', body.user.id)
      await insert('reports', body.user.id)
      expect(await host.asService('DELETE', `/admin/users/${body.user.id}`)).toMatchObject({
        status: 200,
        body: {},
      })
      expect(await usersOf('notes')).toEqual([])
      expect(await usersOf('reports')).toEqual([null])
      const { rows } = await host.database.asOwner(sql`
        select from auth.identities where user_id = ${body.user.id}
        union all select from auth.sessions where user_id = ${body.user.id}
        union all select from auth.refresh_tokens where user_id = ${body.user.id}`)
      expect(rows).toEqual([])
      expect((await host.send('/user', { token: body.access_token })).body.error_code).toBe('user_not_found')
      expect((await host.signUp('ida@example.test')).status).toBe(200)
    })

    it('names the table that holds on to the user, and changes nothing', async () => {
      const { body } = await host.signUp('jan@example.test')
      await insert('notes', body.user.id)
      await insert('invoices', body.user.id)
      const answer = await host.asService('DELETE', `/admin/users/${body.user.id}`)
      expect(answer).toMatchObject({ status: 409, body: { error_code: 'conflict' } })
      expect(answer.body.msg).toContain('public.invoices')
      expect(await usersOf('notes')).toEqual([body.user.id])
      expect((await host.refresh(body.refresh_token)).status).toBe(200)
    })

    it('softly keeps the row and nothing personal in it', async () => {
      const { body } = await host.signUp('kim@example.test', 'correct horse', { name: 'Kim' })
      await insert('invoices', body.user.id)
      const answer = await host.asService('DELETE', `/admin/users/${body.user.id}`, {
        should_soft_delete: true,
      })
      expect(answer.status).toBe(200)
      const { rows } = await host.database.asOwner<{ text: string }>(sql`
        select u::text || (select string_agg(i::text, '') from auth.identities i where i.user_id = u.id) as text
        from auth.users u where u.id = ${body.user.id}`)
      expect(rows[0]!.text).not.toMatch(/kim/i)
      expect((await host.send('/user', { token: body.access_token })).body.error_code).toBe('user_not_found')
      expect((await host.refresh(body.refresh_token)).body.error_code).toBe('refresh_token_not_found')
      expect((await host.signIn('kim@example.test')).body.error_code).toBe('invalid_credentials')
      const { body: kept } = await host.asService('GET', `/admin/users/${body.user.id}`)
      expect(kept).toMatchObject({ deleted_at: expect.any(String), user_metadata: {} })
      expect((await host.signUp('kim@example.test')).status).toBe(200)
    })
  })
})
