import { actor, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

describe('a surface of several schemas', () => {
  const rest = useRest({ schemas: ['public', 'other'], maxRows: 2, transactionEnd: 'rollback' })

  test('serves the one that the profile names', async () => {
    const there = await rest.get('/items', { headers: { 'accept-profile': 'other' } })
    expect([there.json, there.headers.get('content-profile')]).toEqual([
      [{ id: 1, name: 'elsewhere' }],
      'other',
    ])
    expect((await rest.get('/items')).json).toMatchObject({ code: 'PGRST205' })
    const wrong = await rest.get('/items', { headers: { 'accept-profile': 'auth' } })
    expect([wrong.status, wrong.json]).toMatchObject([
      406,
      {
        code: 'PGRST106',
        message: 'Invalid schema: auth',
        hint: 'Only the following schemas are exposed: public, other',
      },
    ])
  })
  test('gives no more rows than its maximum, in embeds neither', async () => {
    const page = await rest.get('/films?select=id&limit=9', { headers: { prefer: 'count=exact' } })
    expect([page.json, page.headers.get('content-range')]).toEqual([[{ id: 1 }, { id: 2 }], '0-1/5'])
    const nested = await rest.get('/addresses?select=orders!orders_billing(id)&id=eq.1')
    expect((nested.json as { orders: unknown[] }[])[0]!.orders).toHaveLength(2)
    expect((await rest.get('/rpc/numbers')).json).toEqual([1, 2])
    const estimated = await rest.get('/films?select=id', { headers: { prefer: 'count=estimated' } })
    expect(estimated.headers.get('content-range')).toMatch(/^0-1\/[3-9]\d*$/)
  })
  test('ends transactions as it is set, whatever is preferred', async () => {
    const made = await rest.request('POST', '/addresses', {
      body: { id: 50, city: 'x' },
      headers: { prefer: 'tx=commit' },
    })
    expect([made.status, made.headers.get('preference-applied')]).toEqual([201, null])
    expect((await rest.get('/addresses?id=eq.50')).json).toEqual([])
  })
})

describe('the root', () => {
  const rest = useRest()

  test.each([
    'application/openapi+json',
    'application/json',
    '*/*',
    'application/openapi+json; charset=utf-8',
  ])('is given as %s', async (accept) => {
    const { status, headers } = await rest.get('/', { headers: { accept } })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/openapi+json; charset=utf-8'])
  })
  test.each(['text/csv', 'constructor', '__proto__'])('is not given as %s', async (accept) => {
    const { status, json } = await rest.get('/', { headers: { accept } })
    expect([status, json]).toMatchObject([406, { code: 'PGRST107' }])
  })
  test('describes what the caller may reach', async () => {
    const own = await rest.get('/')
    expect(own.headers.get('content-type')).toContain('openapi')
    expect(own.json).toMatchObject({
      swagger: '2.0',
      paths: {
        '/films': { get: {}, post: {}, patch: {}, delete: {} },
        '/rpc/add': { post: {} },
        '/secrets': {},
      },
      definitions: {
        films: {
          required: expect.arrayContaining(['title']),
          properties: { year: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } } },
        },
        things: {
          properties: { mood: { enum: ['sad', 'ok', 'happy'] }, label: { default: "'unnamed'::text" } },
        },
        roles: {
          properties: {
            film_id: {
              description:
                "Note:\nThis is a Primary Key.<pk/>\nThis is a Foreign Key to `films.id`.<fk table='films' column='id'/>",
            },
          },
        },
      },
    })
    const theirs = await rest.get('/', { as: stranger })
    expect((theirs.json as { paths: object }).paths).not.toHaveProperty('/secrets')
    expect((await rest.request('POST', '/')).json).toMatchObject({ code: 'PGRST117' })
    expect((await rest.get('/', { headers: { accept: 'text/html' } })).json).toMatchObject({
      code: 'PGRST107',
    })
  })
  test('takes no notice of an API key in the query string, unless a column is filtered by that name', async () => {
    expect((await rest.get('/?apikey=eyJhbGciOiJIUzI1NiJ9.e30.sig')).status).toBe(200)
    expect((await rest.get('/films?select=id&id=eq.1&apikey=eyJhbGciOiJIUzI1NiJ9.e30.sig')).json).toEqual([
      { id: 1 },
    ])
    expect((await rest.get('/rpc/add?a=1&apikey=eyJhbGciOiJIUzI1NiJ9.e30.sig')).json).toBe(11)
    expect((await rest.get('/films?apikey=eq.x')).json).toMatchObject({ code: '42703' })
  })
  test('paths below a table are none', async () => {
    expect((await rest.get('/films/1')).json).toMatchObject({ code: 'PGRST125' })
  })
  test('OPTIONS says what is allowed', async () => {
    const allowed = async (path: string) => (await rest.request('OPTIONS', path)).headers.get('allow')
    expect(await allowed('/films')).toBe('OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE')
    expect(await allowed('/tallies')).toBe('OPTIONS,GET,HEAD,POST,PATCH,DELETE')
    expect(await allowed('/film_list')).toBe('OPTIONS,GET,HEAD')
    expect(await allowed('/rpc/forget')).toBe('OPTIONS,POST')
    expect(await allowed('/')).toBe('OPTIONS,GET,HEAD')
    expect((await rest.request('OPTIONS', '/nothing')).status).toBe(404)
    expect((await rest.request('OPTIONS', '/rpc/nothing')).status).toBe(404)
    expect((await rest.request('OPTIONS', '/rpc/add')).headers.get('allow')).toBe('OPTIONS,GET,HEAD,POST')
  })
  test('aggregates are off until they are switched on', async () => {
    expect((await rest.get('/films?select=count()')).json).toMatchObject({ code: 'PGRST123' })
  })
  test('status and headers that SQL sets wrongly are this side’s fault', async () => {
    await rest.db.database.asOwner({
      text: `create or replace function public.misset(name text, value text) returns text language sql
        as $$ select set_config(name, value, true) $$;`,
    })
    const misset = (name: string, value: string) =>
      rest.request('POST', '/rpc/misset', { body: { name, value } })
    expect((await misset('response.status', 'many')).json).toMatchObject({ code: 'PGRST112' })
    expect((await misset('response.headers', '{"a": 1}')).json).toMatchObject({ code: 'PGRST111' })
    expect((await misset('response.headers', 'x')).json).toMatchObject({ code: 'PGRST111' })
  })
  test('a body past the limit is refused', async () => {
    const long = await rest.request('POST', '/things', { body: { label: 'x'.repeat(10 * 1024 * 1024) } })
    expect([long.status, long.json]).toMatchObject([413, { code: 'payload_too_large' }])
  })
})

describe('a function before every request', () => {
  const rest = useRest({ preRequest: 'public.gate' })

  test('may refuse and may set what policies read', async () => {
    await rest.db.database.asOwner({
      text: `create function public.gate() returns void language plpgsql as $$ begin
        if current_setting('request.headers', true)::json ->> 'x-open' is null then
          raise sqlstate 'PT403' using message = 'closed';
        end if; end $$; grant execute on function public.gate() to anon, authenticated, service_role`,
    })
    expect((await rest.get('/films?limit=1')).status).toBe(403)
    expect((await rest.get('/films?limit=1', { headers: { 'x-open': '1' } })).status).toBe(200)
  })
})

describe('DDL', () => {
  const rest = useRest()
  const ddl = (text: string) => rest.db.database.asOwner({ text })

  test('is seen by the next request that names what changed', async () => {
    expect((await rest.get('/late')).status).toBe(404)
    await ddl('create table public.late (id int primary key, film_id int references public.films)')
    expect((await rest.get('/late')).json).toEqual([])
    expect((await rest.get('/late?select=note')).status).toBe(400)
    await ddl('alter table public.late add column note text')
    expect((await rest.get('/late?select=note,films(title)')).json).toEqual([])
    await ddl('alter table public.late rename column note to remark')
    expect((await rest.get('/late?select=note')).json).toMatchObject({ code: '42703' })
    await ddl('alter table public.late drop column film_id')
    expect((await rest.get('/late?select=films(title)')).json).toMatchObject({ code: 'PGRST200' })
    await ddl('create function public.late_call() returns int language sql immutable return 1')
    expect((await rest.request('POST', '/rpc/late_call')).json).toBe(1)
    await ddl('drop table public.late')
    expect((await rest.get('/late')).status).toBe(404)
  })
  test('does not break prepared statements', async () => {
    const ada = actor('ada')
    await ddl('create table public.hot (id int primary key, a int); insert into public.hot values (1, 2)')
    const read = () => rest.get('/hot?id=eq.1', { as: ada })
    for (let time = 0; time < 8; time += 1) expect((await read()).json).toEqual([{ id: 1, a: 2 }])
    await ddl('alter table public.hot alter column a type text, add column b int default 3')
    expect((await read()).json).toEqual([{ id: 1, a: '2', b: 3 }])
    await ddl('alter table public.hot drop column a')
    expect((await read()).json).toEqual([{ id: 1, b: 3 }])
  })
})
