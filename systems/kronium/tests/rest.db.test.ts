import { randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { describe, expect, it } from 'vitest'
import {
  ada,
  addService,
  awkward,
  ben,
  book,
  inDays,
  root,
  sam,
  send,
  useKronium,
  value,
} from './kronium-fixture.ts'

const system = useKronium()

const account = {
  email: 'new@example.test',
  password: 'a long password',
  name: awkward,
  phone: '+44 20 7946 0000',
}

describe('auth', () => {
  it('registers: account, profile with the next simple id, welcome, session; and never a role (K-E2, K-10, K-T1)', async () => {
    const { user, session } = await send(system, 201, 'POST', '/auth/register', {
      body: { ...account, role: 'admin', data: { role: 'admin' } },
    })
    expect(user).toMatchObject({
      name: awkward,
      email: account.email,
      role: 'customer',
      isActive: true,
      phone: account.phone,
    })
    expect(user.simpleId).toMatch(/^AAA0000\d$/)
    expect(session).toMatchObject({ token_type: 'bearer' })
    await system.jobs.runDue()
    const welcome = await value<number>(
      system,
      `select count(*)::int from plinth.notifications where template = 'welcome' and person = $1 and channel = 'email'`,
      [user.id],
    )
    expect(welcome).toBe(1)
    const again = await system.request('/auth/register', { method: 'POST', body: account })
    expect([again.status, again.body.code]).toEqual([422, 'user_already_exists'])
    const weak = await system.request('/auth/register', {
      method: 'POST',
      body: { ...account, password: 'short' },
    })
    expect(weak.status).toBe(400)
  })

  it('signs in, refreshes once and signs out with bearer tokens (K-E1, K-E3, K-E4)', async () => {
    const wrong = await system.request('/auth/login', {
      method: 'POST',
      body: { ...account, password: 'wrong one' },
    })
    expect([wrong.status, wrong.body.code]).toEqual([400, 'invalid_credentials'])
    const { session } = await send(system, 200, 'POST', '/auth/login', { body: account })
    const bearer = { headers: { authorization: `Bearer ${session.access_token}` } }
    expect((await send(system, 200, 'GET', '/bookings', bearer)).items).toEqual([])
    const { session: next } = await send(system, 200, 'POST', '/auth/refresh', {
      body: { refresh_token: session.refresh_token },
    })
    await send(system, 204, 'POST', '/auth/logout', {
      headers: { authorization: `Bearer ${next.access_token}` },
    })
    const over = await system.request('/auth/refresh', {
      method: 'POST',
      body: { refresh_token: next.refresh_token },
    })
    expect(over.status).toBeGreaterThanOrEqual(400)
  })

  it('keeps a session in cookies that scripts cannot read; changes need its CSRF token and an own origin (K-6)', async () => {
    const begun = await system.request('/auth/login', { method: 'POST', body: { ...account, cookies: true } })
    expect(begun.body.data).toMatchObject({ session: null, csrfToken: expect.any(String) })
    const set = begun.headers.getSetCookie()
    expect(
      set.every((each) => /HttpOnly/.test(each) && /SameSite=Lax/.test(each) && /Path=\/kronium/.test(each)),
    ).toBe(true)
    const cookie = set.map((each) => each.split(';')[0]).join('; ')
    const { csrfToken, user } = begun.body.data
    const own = { cookie, host: 'plinth.test', origin: 'http://plinth.test' }
    const rename = (headers: Record<string, string>) =>
      system.request(`/users/${user.id}`, { method: 'PUT', headers, body: { name: 'Renamed' } })
    expect((await system.request('/bookings', { headers: { cookie } })).status).toBe(200)
    expect((await rename(own)).body.code).toBe('csrf_token_wrong')
    expect((await rename({ ...own, 'x-csrf-token': `${csrfToken}x` })).body.code).toBe('csrf_token_wrong')
    expect(
      (await rename({ cookie, origin: 'https://evil.example', 'x-csrf-token': csrfToken })).body.code,
    ).toBe('csrf_refused')
    expect((await rename({ ...own, 'x-csrf-token': csrfToken })).status).toBe(200)
    expect(await send(system, 200, 'GET', '/auth/csrf', { headers: { cookie } })).toEqual({ csrfToken })
    const noToken = await system.request('/auth/refresh', { method: 'POST', headers: own, body: {} })
    expect(noToken.body.code).toBe('csrf_token_wrong')
    const fresh = await system.request('/auth/refresh', {
      method: 'POST',
      headers: { ...own, 'x-csrf-token': csrfToken },
      body: {},
    })
    expect([fresh.status, fresh.body.data.session]).toEqual([200, null])
    const foreign = await system.request('/auth/login', {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: { ...account, cookies: true },
    })
    expect(foreign.body.code).toBe('csrf_refused')
    const end = await system.request('/auth/logout', {
      method: 'POST',
      headers: { ...own, 'x-csrf-token': csrfToken },
    })
    expect([end.status, end.headers.getSetCookie().every((each) => /Max-Age=0/.test(each))]).toEqual([
      204,
      true,
    ])
  })
})

describe('users', () => {
  it('are listed for admins, page by page, and filtered (K-E5)', async () => {
    const first = await send(system, 200, 'GET', '/users?limit=2&page=1', { as: root })
    expect([first.items.length, first.page, first.limit]).toEqual([2, 1, 2])
    expect(first.total).toBeGreaterThanOrEqual(4)
    const staff = await send(system, 200, 'GET', '/users?role=staff&q=SAM', { as: root })
    expect(staff.items.map(({ id }: { id: string }) => id)).toEqual([sam.userId])
    expect((await send(system, 200, 'GET', '/users?q=%25', { as: root })).total).toBe(0)
    for (const as of [ada, sam]) {
      const { status, body } = await system.request('/users', { as })
      expect([status, body.code]).toEqual([403, 'permission_required'])
    }
    expect((await system.request('/users?limit=101', { as: root })).status).toBe(400)
    expect((await system.request('/users')).status).toBe(401)
  })

  it('see and change themselves, with entity tags; never their role (K-E6, K-E7)', async () => {
    const seen = await system.request(`/users/${ada.userId}`, { as: ada })
    const etag = seen.headers.get('etag')!
    const unchanged = await system.request(`/users/${ada.userId}`, {
      as: ada,
      headers: { 'if-none-match': etag },
    })
    expect([unchanged.status, unchanged.body]).toEqual([304, ''])
    const changed = await system.request(`/users/${ada.userId}`, {
      method: 'PUT',
      as: ada,
      headers: { 'if-match': etag },
      body: { name: awkward, address: 'here' },
    })
    expect(changed.body.data).toMatchObject({ name: awkward, address: 'here' })
    const late = await system.request(`/users/${ada.userId}`, {
      method: 'PUT',
      as: ada,
      headers: { 'if-match': etag },
      body: { name: 'from an old copy' },
    })
    expect([late.status, late.body.code, late.body.details.current.name]).toEqual([
      412,
      'changed_since',
      awkward,
    ])
    for (const body of [{ role: 'admin' }, { isActive: false }]) {
      const { status, body: answer } = await system.request(`/users/${ada.userId}`, {
        method: 'PUT',
        as: ada,
        body,
      })
      expect([status, answer.code]).toEqual([403, 'permission_required'])
    }
    const strangers = await system.request(`/users/${ada.userId}`, { as: ben })
    expect([strangers.status, strangers.body.code]).toEqual([404, 'unknown_user'])
    const direct = (body: object) =>
      system.request(`/rest/v1/users?id=eq.${ada.userId}`, { method: 'PATCH', as: ada, body })
    expect((await direct({ role: 'admin' })).status).toBe(403)
    expect((await direct({ simpleId: 'ZZZ99999' })).status).toBe(403)
    expect((await direct({ email: 'other@example.test' })).status).toBe(403)
    const fixed = await system.request(`/rest/v1/users?id=eq.${ada.userId}`, {
      method: 'PATCH',
      as: 'service',
      body: { simpleId: 'ZZZ99999' },
    })
    expect([fixed.status, JSON.stringify(fixed.body)]).toEqual([
      403,
      expect.stringContaining('column_is_fixed'),
    ])
  })

  it('are switched off, made staff and removed by admins; the last admin stays (K-E8)', async () => {
    const { user } = await send(system, 201, 'POST', '/auth/register', {
      body: { ...account, email: 'gone@example.test' },
    })
    await send(system, 200, 'PUT', `/users/${user.id}`, { as: root, body: { isActive: false } })
    const off = await system.request('/auth/login', {
      method: 'POST',
      body: { ...account, email: 'gone@example.test' },
    })
    expect(off.body.code).toBe('user_banned')
    await send(system, 204, 'DELETE', `/users/${user.id}`, { as: root })
    expect(await value(system, `select count(*)::int from auth.users where id = $1`, [user.id])).toBe(0)
    expect((await system.request(`/users/${ben.userId}`, { method: 'DELETE', as: ada })).status).toBe(403)
    expect((await system.request(`/users/${randomUUID()}`, { method: 'DELETE', as: root })).body.code).toBe(
      'unknown_user',
    )
    for (const method of ['PUT', 'DELETE']) {
      const { body } = await system.request(`/users/${root.userId}`, {
        method,
        as: root,
        body: method === 'PUT' ? { role: 'customer' } : undefined,
      })
      expect(body.code).toBe('last_admin')
    }
  })

  it('get simple ids one after the other, without a gap, also when many come at once (K-T1)', async () => {
    const ids = Array.from({ length: 40 }, () => randomUUID())
    await Promise.all(
      ids.map((id) =>
        system.database.asOwner(
          sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.test`})`,
        ),
      ),
    )
    const found = await value<string[]>(
      system,
      `select array_agg("simpleId" order by "simpleId") from public.users where id = any ($1)`,
      [ids],
    )
    const numbers = found.map((id) => Number(id.slice(3)))
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => numbers[0]! + index))
    const shown = await value<string[]>(
      system,
      `select array(select private.simple_id(n) from unnest(array[1, 99999, 100000, 2599974, 2599975, 1757582424]::bigint[]) n)`,
    )
    expect(shown).toEqual(['AAA00001', 'AAA99999', 'AAB00001', 'AAZ99999', 'ABA00001', 'ZZZ99999'])
    await expect(value(system, `select private.simple_id(1757582425)`)).rejects.toMatchObject({
      detail: expect.stringContaining('simple_ids_used_up'),
    })
  })
})

describe('services', () => {
  it('are kept by admins and seen by everybody (K-E9, K-E10, K-E11, K-E12, K-T2)', async () => {
    const id = randomUUID()
    const given = {
      id,
      title: awkward,
      category: 'hair',
      price: 19.99,
      duration: 45,
      description: '<script>alert(1)</script>',
    }
    const made = await send(system, 201, 'POST', '/services', { as: root, body: given })
    expect(made).toMatchObject({ ...given, isActive: true, imageUrl: null, media: [] })
    // The same request again is the same service: a client that got no answer repeats it.
    expect((await send(system, 200, 'POST', '/services', { as: root, body: given })).createdAt).toBe(
      made.createdAt,
    )
    const listed = await system.request('/services?category=hair&minPrice=19&maxPrice=20&q=söhne&sort=price')
    expect(listed.body.data).toMatchObject({ total: 1, items: [{ id, title: awkward }] })
    const same = await system.request('/services?category=hair', {
      headers: { 'if-none-match': listed.headers.get('etag')! },
    })
    expect(same.status).toBe(304)
    expect(
      (await send(system, 200, 'PUT', `/services/${id}`, { as: root, body: { isActive: false } })).isActive,
    ).toBe(false)
    expect((await system.request(`/services/${id}`)).body.code).toBe('unknown_service')
    for (const [method, path, body] of [
      ['POST', '/services', { title: 'mine' }],
      ['PUT', `/services/${id}`, { price: 0 }],
      ['DELETE', `/services/${id}`, undefined],
    ] as const)
      for (const as of [ada, sam])
        expect(
          (await system.request(path, { method, as, body })).status,
          `${method} ${path}`,
        ).toBeGreaterThan(400)
    await send(system, 204, 'DELETE', `/services/${id}`, { as: root })
    expect((await system.request(`/services/${id}`, { method: 'DELETE', as: root })).body.code).toBe(
      'unknown_service',
    )
  })

  it('with bookings to come stay (K-E12)', async () => {
    const { id } = await addService(system)
    await book(system, ada, id, inDays(3))
    expect((await system.request(`/services/${id}`, { method: 'DELETE', as: root })).body.code).toBe(
      'service_in_use',
    )
  })
})

describe('bookings', () => {
  it('are made, listed, changed and cancelled over REST; texts come back as sent (K-E13, K-E14, K-E15, K-E16, K-T3)', async () => {
    const { id: serviceId, title } = await addService(system)
    const id = randomUUID()
    const wish = { id, notes: awkward, location: 'a < b', clientPhone: '+1' }
    const made = await book(system, ada, serviceId, inDays(4), wish)
    expect(made).toMatchObject({
      ...wish,
      serviceName: title,
      status: 'pending',
      price: 40,
      customerId: ada.userId,
      clientEmail: 'ada@example.test',
    })
    expect((await book(system, ada, serviceId, inDays(4), wish)).id).toBe(id)
    expect((await book(system, ben, serviceId, inDays(9), wish)).code).toBe('booking_exists')
    const list = (query: string, as: typeof ada) => send(system, 200, 'GET', `/bookings?${query}`, { as })
    expect(
      (await list(`serviceId=${serviceId}&status=pending&from=${inDays(3)}&to=${inDays(5)}`, ada)).total,
    ).toBe(1)
    expect((await list(`serviceId=${serviceId}`, ben)).total).toBe(0)
    expect((await list(`serviceId=${serviceId}`, root)).total).toBe(1)
    const seen = await system.request(`/bookings/${id}`, { as: ada })
    const moved = await system.request(`/bookings/${id}`, {
      method: 'PUT',
      as: ada,
      headers: { 'if-match': seen.headers.get('etag')! },
      body: { date: inDays(5), notes: 'x' },
    })
    expect(moved.body.data).toMatchObject({
      date: expect.stringContaining(inDays(5).slice(0, 13)),
      sequence: 1,
      notes: 'x',
    })
    expect(
      (await system.request(`/bookings/${id}`, { method: 'PUT', as: ben, body: { notes: 'y' } })).body.code,
    ).toBe('unknown_booking')
    const cancelled = await send(system, 200, 'DELETE', `/bookings/${id}?reason=ill`, { as: ada })
    expect(cancelled).toMatchObject({ status: 'cancelled', cancelReason: 'ill', sequence: 2 })
    expect((await send(system, 200, 'DELETE', `/bookings/${id}`, { as: ada })).status).toBe('cancelled')
    expect(await value(system, `select count(*)::int from public.bookings where id = $1`, [id])).toBe(1)
  })
})

describe('projects', () => {
  it('are asked for by clients and moved on by the staff (K-E17, K-E18, K-E19, K-E20, K-T4)', async () => {
    const asked = await send(system, 201, 'POST', '/projects', {
      as: ada,
      body: { title: awkward, status: 'completed', progress: 100, staffId: ada.userId },
    })
    expect(asked).toMatchObject({
      title: awkward,
      status: 'pending',
      progress: 0,
      staffId: null,
      customerId: ada.userId,
      updates: [],
      mediaUrls: [],
    })
    const path = `/projects/${asked.id}`
    expect(
      (await system.request(`${path}/progress`, { method: 'PUT', as: ada, body: { progress: 50 } })).body
        .code,
    ).toBe('permission_required')
    expect((await system.request(path, { as: sam })).body.code).toBe('unknown_project')
    await send(system, 200, 'PUT', path, { as: root, body: { staffId: sam.userId, status: 'inProgress' } })
    const moved = await send(system, 200, 'PUT', `${path}/progress`, { as: sam, body: { progress: 42.5 } })
    expect(moved).toMatchObject({
      progress: 42.5,
      updates: [
        { kind: 'status', to: 'inProgress' },
        { kind: 'progress', to: 42.5 },
      ],
    })
    expect(
      (await system.request(`${path}/progress`, { method: 'PUT', as: sam, body: { progress: 101 } })).status,
    ).toBe(400)
    const tell = (headers: Record<string, string>) =>
      system.request(path, { method: 'PUT', as: sam, headers, body: { message: awkward, location: 'there' } })
    const stale = await tell({ 'if-match': '"of an old copy"' })
    expect([stale.status, stale.body.details.current.updates.length]).toEqual([412, 2])
    expect((await tell({})).body.data).toMatchObject({
      location: 'there',
      updates: [{}, {}, { message: awkward }],
    })
    expect((await send(system, 200, 'GET', '/projects?status=inProgress', { as: sam })).total).toBe(1)
    expect((await send(system, 200, 'GET', '/projects', { as: ben })).total).toBe(0)
  })
})

it('tables have exactly the columns, types and defaults that were asked for (K-T1, K-T2, K-T3, K-T4, K-T5, K-T6)', async () => {
  const asked: Record<string, string> = {
    users: `id uuid, simpleId character varying(8), name character varying(255), email character varying(255), phone character varying(50), profileImage text,
      address text, role character varying(20) 'customer', isActive boolean true, favoriteServices jsonb '[]', createdAt timestamp now, updatedAt timestamp now`,
    services: `id uuid, title character varying(255), description text, category character varying(100), price numeric(10,2), duration integer, imageUrl text,
      videoUrl text, isActive boolean true, createdAt timestamp now, updatedAt timestamp now`,
    bookings: `id uuid, serviceName character varying(255), clientName character varying(255), clientEmail character varying(255), clientPhone character varying(50),
      date timestamp, status character varying(20) 'pending', price numeric(10,2), location text, notes text, createdAt timestamp now, updatedAt timestamp now`,
    projects: `id uuid, title character varying(255), description text, clientName character varying(255), clientEmail character varying(255),
      clientPhone character varying(50), status character varying(20) 'active', progress numeric(5,2) 0, location text, mediaUrls jsonb '[]', updates jsonb '[]',
      createdAt timestamp now, updatedAt timestamp now`,
    chat_rooms: `id uuid, customerId uuid, customerName character varying(255), customerEmail character varying(255), lastMessageAt timestamp, createdAt timestamp now`,
    chat_messages: `id uuid, chatRoomId uuid, senderId uuid, senderName character varying(255), senderType character varying(20), message text,
      timestamp timestamp now, read boolean false`,
  }
  for (const [table, columns] of Object.entries(asked)) {
    const { rows } = await system.database.asOwner<{
      name: string
      type: string
      initial: string | null
    }>(sql`
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, pg_get_expr(d.adbin, d.adrelid) as initial
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = ${`public.${table}`}::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`)
    const wanted = columns
      .split(/,\s+(?=[a-z])/i)
      .map((each) => /^(\w+) ([a-z ]+(?:\([\d,]+\))?)(?: (.+))?$/i.exec(each.trim())!)
    // The columns that were asked for come first, in their order.
    expect(rows.slice(0, wanted.length).map(({ name }) => name)).toEqual(wanted.map(([, name]) => name))
    for (const [index, [, name, given]] of wanted.entries()) {
      const [, type, initial] = /^(.*?)(?: ('.*'|now|true|false|0))?$/.exec(
        wanted[index]![0].slice(name!.length + 1),
      )!
      const found = rows[index]!
      expect([table, name, found.type.replace(' with time zone', '').replace(' zone', '')]).toEqual([
        table,
        name,
        type,
      ])
      if (initial)
        expect([table, name, found.initial]).toEqual([table, name, expect.stringContaining(initial)])
      expect(given).toBeTruthy()
    }
  }
})

it('every endpoint is in the OpenAPI document', async () => {
  const { body } = await system.request('/openapi.json')
  const named = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const wanted = `POST /auth/login,POST /auth/register,POST /auth/logout,POST /auth/refresh,GET /users,GET /users/{id},PUT /users/{id},DELETE /users/{id},
    GET /services,POST /services,PUT /services/{id},DELETE /services/{id},GET /bookings,POST /bookings,PUT /bookings/{id},DELETE /bookings/{id},
    GET /projects,POST /projects,PUT /projects/{id},PUT /projects/{id}/progress`
  expect(named).toEqual(expect.arrayContaining(wanted.split(/,\s*/)))
})
