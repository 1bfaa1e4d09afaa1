import { actor, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import { defineErrors } from '../../kernel/index.ts'
import { useRest } from './rest-client.ts'

const errors = defineErrors({
  seat_taken: { status: 409, message: 'Seat {seat} is taken.', hint: 'Choose another one.' },
})
const rest = useRest({ errors })
const call = (name: string, body?: unknown, headers: Record<string, string> = {}) =>
  rest.request('POST', `/rpc/${name}`, { headers, ...(body === undefined ? {} : { body }) })

test('no request reaches PostgreSQL’s own functions, by which it could become somebody else', async () => {
  const become = '?setting_name=role&new_value=service_role&is_local=false'
  expect((await rest.get(`/rpc/set_config${become}`)).json).toMatchObject({ code: 'PGRST202' })
  const profile = { headers: { 'accept-profile': 'pg_catalog' } }
  expect((await rest.get(`/rpc/set_config${become}`, profile)).json).toMatchObject({ code: 'PGRST106' })
  expect((await rest.get('/films?select=current_user')).json).toMatchObject({ code: '42703' })
  expect((await rest.get('/films?select=pg_sleep')).json).toMatchObject({ code: '42703' })
})

describe('arguments', () => {
  test('by name, defaults left out, from JSON, a query string or a form', async () => {
    expect((await call('add', { a: 1, b: 2 })).json).toBe(3)
    expect((await call('add', { a: 1 })).json).toBe(11)
    expect((await rest.get('/rpc/add?a=1&b=5')).json).toBe(6)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await call('add', 'a=2&b=2', form)).json).toBe(4)
    expect((await call('add', 'a=3&b=3', form)).json).toBe(6)
  })
  test('variadic', async () => {
    expect((await call('total', { numbers: [1, 2, 3] })).json).toBe(6)
    expect((await rest.get('/rpc/total?numbers=1&numbers=2')).json).toBe(3)
    expect((await rest.get('/rpc/total?numbers={4,5}')).json).toBe(9)
    expect((await call('total')).json).toBeNull()
    expect((await rest.get('/rpc/total')).json).toBeNull()
  })
  test('one unnamed JSON argument takes the body', async () => {
    expect((await call('echo', { any: ['thing'] })).json).toEqual({ any: ['thing'] })
    expect((await call('echo', [1, 2])).json).toEqual([1, 2])
  })
  test('choose among overloads by name', async () => {
    expect((await call('pick', { x: 1 })).json).toBe('one')
    expect((await call('pick', { x: 1, y: 2 })).json).toBe('two')
    const both = await call('swap', { x: 1 })
    expect([both.status, both.json]).toMatchObject([300, { code: 'PGRST203' }])
  })
  test('that no function takes', async () => {
    expect((await call('add', { a: 1, c: 2 })).json).toEqual({
      code: 'PGRST202',
      message: 'Could not find the function public.add(a, c) in the schema cache',
      details:
        'Searched for the function public.add with parameters a, c or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.',
      hint: 'Perhaps you meant to call the function public.add(a, b)',
    })
    expect((await call('ad')).json).toMatchObject({
      hint: 'Perhaps you meant to call the function public.add',
    })
    expect((await call('add', '{"a"')).json).toMatchObject({ code: 'PGRST102' })
  })
})

describe('results', () => {
  test('values, sets of values, rows, one row, nothing', async () => {
    expect((await call('greet', { name: 'you' })).json).toBe('Hello you')
    expect((await call('numbers')).json).toEqual([1, 2, 3])
    expect((await call('pairs', { n: 2 })).json).toEqual([
      { a: 1, b: 'n1' },
      { a: 2, b: 'n2' },
    ])
    expect((await call('one_film?select=title', { film: 3 })).json).toEqual({ title: 'Ran' })
    const nothing = await call('forget')
    expect([nothing.status, nothing.text]).toEqual([204, ''])
  })
  test('are filtered, sorted, limited, counted and embedded', async () => {
    const found = await rest.get(
      '/rpc/films_since?since=1960&year=lt.1990&select=title,directors(name)&order=title&limit=2',
      { headers: { prefer: 'count=exact' } },
    )
    expect(found.status).toBe(206)
    expect(found.headers.get('content-range')).toBe('0-1/3')
    expect(found.json).toEqual([
      { title: 'Cleo from 5 to 7', directors: { name: 'Varda' } },
      { title: 'Ran', directors: { name: 'Kurosawa' } },
    ])
    expect((await call('films_since?select=headline&headline=like.Ran*', { since: 1980 })).json).toEqual([
      { headline: 'Ran (1985)' },
    ])
    expect((await call('pairs?a=gt.1&select=b', { n: 3 })).json).toEqual([{ b: 'n2' }, { b: 'n3' }])
    expect((await call('numbers?limit=1&offset=1')).json).toEqual([2])
  })
  test('as one object or CSV', async () => {
    const object = { accept: 'application/vnd.pgrst.object+json' }
    expect((await call('pairs', { n: 1 }, object)).json).toEqual({ a: 1, b: 'n1' })
    expect((await call('pairs', { n: 2 }, object)).json).toMatchObject({ code: 'PGRST116' })
    expect((await call('numbers', {}, object)).json).toMatchObject({ code: 'PGRST116' })
    expect((await call('numbers?limit=1', {}, object)).json).toBe(1)
    expect((await call('pairs', { n: 2 }, { accept: 'text/csv' })).text).toBe('a,b\n1,n1\n2,n2')
  })
  test('are counted past the limit, by one call of the function', async () => {
    const counted = async (path: string, body?: unknown) => {
      const { json, headers } = await call(path, body ?? {}, { prefer: 'count=exact' })
      return [json, headers.get('content-range')]
    }
    expect(await counted('numbers?limit=2')).toEqual([[1, 2], '0-1/3'])
    expect(await counted('numbers?offset=1')).toEqual([[2, 3], '1-2/3'])
    expect(await counted('add_thing?select=count', { code: 'once' })).toEqual([[{ count: 1 }], '0-0/1'])
    expect((await rest.get('/things?select=count&code=eq.once')).json).toEqual([{ count: 1 }])
  })
  test('HEAD answers the range alone', async () => {
    const head = await rest.request('HEAD', '/rpc/pairs?n=3', { headers: { prefer: 'count=exact' } })
    expect([head.text, head.headers.get('content-range')]).toEqual(['', '0-2/3'])
  })
})

describe('transactions', () => {
  test('GET reads only', async () => {
    expect((await call('add_thing', { code: 'by-post' })).json).toMatchObject([{ code: 'by-post' }])
    const refused = await rest.get('/rpc/add_thing?code=by-get')
    expect([refused.status, refused.json]).toMatchObject([405, { code: '25006' }])
  })
  test('other verbs are not allowed', async () => {
    expect((await rest.request('DELETE', '/rpc/add')).json).toMatchObject({ code: 'PGRST101' })
    expect((await rest.request('TRACE1', '/films')).json).toMatchObject({ code: 'PGRST117' })
  })
  test('max-affected rolls back', async () => {
    const strict = { prefer: 'handling=strict, max-affected=0' }
    expect((await call('add_thing', { code: 'never' }, strict)).json).toMatchObject({ code: 'PGRST124' })
    expect((await rest.get('/things?code=eq.never')).json).toEqual([])
    expect((await call('add', { a: 1 }, strict)).json).toMatchObject({ code: 'PGRST128' })
  })
})

describe('arguments and results of every kind', () => {
  test('lose nothing', async () => {
    await rest.db.database.asOwner({
      text: `
        create function public.keep_char(c char, b bit) returns json language sql return json_build_object('c', c, 'b', b);
        create function public.one_record() returns record language sql as $$ select 1 as a, 'x'::text as b $$;
        create function public.records(n int) returns setof record language sql as $$ select i as a, 'x'::text as b from generate_series(1, n) i $$;
        create function public.whole_text(text) returns text language sql return 'got ' || $1;
        create function public.whole_json(jsonb) returns text language sql return $1 ->> 'a';
        create function public.whole_xml(xml) returns text language sql as $$ select 'got ' || $1::text $$;
        create function public.whole_bytes(bytea) returns int language sql return length($1)`,
    })
    await rest.surface().reload()
    const sent = { c: 'abc', b: '101' }
    expect((await call('keep_char', sent)).json).toEqual(sent)
    expect((await rest.get('/rpc/keep_char?c=abc&b=101')).json).toEqual(sent)
    expect((await call('one_record')).json).toEqual({ a: 1, b: 'x' })
    expect((await call('records', { n: 2 })).json).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'x' },
    ])
    expect((await call('whole_text', 'hé', { 'content-type': 'text/plain' })).json).toBe('got hé')
    expect((await call('whole_json', { a: 'hé' })).json).toBe('hé')
    expect((await call('whole_xml', '<a/>', { 'content-type': 'text/xml' })).json).toBe('got <a/>')
    expect((await call('whole_bytes', 'abc', { 'content-type': 'application/octet-stream' })).json).toBe(3)
  })
  test('are given as they are, in the formats that a single value has', async () => {
    await rest.db.database.asOwner({
      text: `
        create function public.page() returns xml language sql as $$ select xmlelement(name a, 'é') $$;
        create function public.bytes() returns bytea language sql immutable return '\\x00ff0a'::bytea;
        create function public.lines() returns setof text language sql as $$ values ('a'), ('b') $$;
        create domain public."image/x-dot" as bytea;
        create function public.dot() returns public."image/x-dot" language sql as $$ select '\\x01ff'::bytea $$;
        create domain public."*/*" as text;
        create function public.anything() returns public."*/*" language sql as $$
          select set_config('response.headers', '[{"Content-Type": "text/markdown"}]', true);
          select '# Hi'::text $$`,
    })
    await rest.surface().reload()
    const get = async (name: string, accept: string) => {
      const { status, headers, text } = await call(name, undefined, { accept })
      return [status, headers.get('content-type'), text]
    }
    expect(await get('page', 'text/xml')).toEqual([200, 'text/xml; charset=utf-8', '<a>é</a>'])
    expect(await get('lines', 'text/plain')).toEqual([200, 'text/plain; charset=utf-8', 'ab'])
    expect(await get('bytes', 'application/octet-stream')).toEqual([
      200,
      'application/octet-stream',
      expect.any(String),
    ])
    expect(await get('dot', 'image/avif, image/x-dot')).toEqual([200, 'image/x-dot', expect.any(String)])
    expect(await get('anything', '*/*')).toEqual([200, 'text/markdown', '# Hi'])
    expect(await get('anything', 'text/html, */*;q=0.1')).toEqual([200, 'text/markdown', '# Hi'])
    for (const [name, accept] of [
      ['lines', 'text/xml'],
      ['page', 'application/octet-stream'],
      ['dot', 'image/png'],
      ['films_since?since=1', 'text/plain'],
    ] as const) {
      const refused = await rest.get(`/rpc/${name}`, { headers: { accept } })
      expect([name, refused.status, refused.json]).toMatchObject([name, 406, { code: 'PGRST107' }])
    }
  })
  test('bytes arrive unchanged', async () => {
    expect([...(await rest.bytes('/rpc/bytes', 'application/octet-stream'))]).toEqual([0, 255, 10])
  })
  test('one value of a variadic argument is a list of one', async () => {
    expect((await rest.get('/rpc/total?numbers=4')).json).toBe(4)
    expect((await rest.get('/rpc/total?numbers=4&numbers=5')).json).toBe(9)
    expect((await call('total', { numbers: [4, 5, 6] })).json).toBe(15)
  })
})

describe('context', () => {
  test('SQL sees the caller and the request', async () => {
    const ada = actor('ada')
    const seen = await rest.request('POST', '/rpc/whoami', {
      as: ada,
      headers: { 'x-test': 'yes', cookie: 'flavour=oat' },
    })
    expect(seen.json).toEqual({
      role: 'authenticated',
      uid: ada.userId,
      method: 'POST',
      path: '/rest/v1/rpc/whoami',
      header: 'yes',
      cookie: 'oat',
    })
  })
  test('SQL sets status and headers', async () => {
    const pot = await call('teapot')
    expect([pot.status, pot.json, pot.headers.get('x-pot')]).toEqual([418, { stout: true }, 'short'])
    expect(pot.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })
  test.each([
    ['P0001', 400],
    ['PT402', 402],
    ['42501', 403],
    ['40001', 500],
    ['57014', 500],
    ['23503', 409],
    ['22P02', 400],
    ['54001', 500],
  ])('raised %s is %i', async (state, status) => {
    const failed = await rest.request('POST', '/rpc/fail_with', { as: actor('ada'), body: { state } })
    expect([failed.status, failed.json]).toEqual([
      status,
      { code: state, message: 'told to', details: 'in detail', hint: 'a hint' },
    ])
  })
  test('raised 42501 asks a stranger to sign in', async () => {
    expect(
      (await rest.request('POST', '/rpc/fail_with', { as: stranger, body: { state: '42501' } })).status,
    ).toBe(401)
  })
  test('a refusal of the system is answered with its code, status and facts', async () => {
    await rest.db.database.asOwner({
      text: `create or replace function public.take_seat(code text, seat int) returns void language plpgsql as
        $$ begin perform plinth.refuse(code, 422, 'Seat ' || seat || ' is taken.', json_build_object('seat', seat)::jsonb); end $$`,
    })
    await rest.surface().reload()
    const taken = await call('take_seat', { code: 'seat_taken', seat: 7 })
    expect([taken.status, taken.json]).toEqual([
      409,
      { code: 'seat_taken', message: 'Seat 7 is taken.', details: { seat: 7 }, hint: 'Choose another one.' },
    ])
    const unknown = await call('take_seat', { code: 'constructor', seat: 7 })
    expect([unknown.status, unknown.json]).toMatchObject([
      422,
      { code: 'PT422', message: 'Seat 7 is taken.' },
    ])
  })
  test('a raised answer is answered whole', async () => {
    const failed = await call('fail_custom')
    expect([failed.status, failed.json, failed.headers.get('x-due')]).toEqual([
      402,
      { code: 'X1', message: 'Pay first', details: 'owed', hint: 'pay' },
      '5',
    ])
    expect((await call('fail_with', { state: 'PGRST' })).json).toMatchObject({ code: 'PGRST121' })
  })
})
