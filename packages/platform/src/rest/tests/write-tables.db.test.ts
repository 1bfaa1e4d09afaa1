import { actor, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

const rest = useRest()
const full = { prefer: 'return=representation' }
const post = (path: string, body: unknown, headers: Record<string, string> = full) =>
  rest.request('POST', path, { headers, body })
const things = async (filter: string, select = 'code,label,amount') =>
  (await rest.get(`/things?select=${select}&order=code&${filter}`)).json

describe('insert', () => {
  test('one row, minimal by default', async () => {
    const made = await post('/things', { code: 'i1', list: [1, 2], data: { a: null }, mood: 'ok' }, {})
    expect([made.status, made.text, made.headers.get('content-range')]).toEqual([201, '', '*/*'])
    expect(await things('code=eq.i1', 'code,list,data,mood,label')).toEqual([
      { code: 'i1', list: [1, 2], data: { a: null }, mood: 'ok', label: 'unnamed' },
    ])
  })
  test('the representation takes select, order and embeds', async () => {
    const made = await post('/films?select=t:title,directors(name)&order=title.desc', [
      { title: 'A', director_id: 1 },
      { title: 'B', director_id: 2 },
    ])
    expect([made.status, made.json, made.headers.get('preference-applied')]).toEqual([
      201,
      [
        { t: 'B', directors: { name: 'Kurosawa' } },
        { t: 'A', directors: { name: 'Varda' } },
      ],
      'return=representation',
    ])
    expect((await post('/films?select=headline', { title: 'C', year: 2000 })).json).toEqual([
      { headline: 'C (2000)' },
    ])
    expect((await post('/directors?select=*,best_film(title)', { name: 'New' })).json).toMatchObject([
      { name: 'New', best_film: null },
    ])
  })
  test('headers-only gives the address', async () => {
    const made = await post('/directors', { id: 77, name: 'Located' }, { prefer: 'return=headers-only' })
    expect([made.status, made.text, made.headers.get('location')]).toEqual([201, '', '/directors?id=eq.77'])
  })
  test('rows without keys take every default, as many as there are', async () => {
    expect((await post('/things?select=label', {})).json).toEqual([{ label: 'unnamed' }])
    expect((await post('/things?select=label', [{}, {}])).json).toEqual([
      { label: 'unnamed' },
      { label: 'unnamed' },
    ])
    expect((await post('/things?select=label', [])).json).toEqual([])
  })
  test('columns decide what is taken; missing keys are null or the default', async () => {
    const rows = [{ code: 'm1', label: null, junk: 1 }, { code: 'm2' }]
    expect((await post('/things?select=code,label&columns="code","label"', rows)).json).toEqual([
      { code: 'm1', label: null },
      { code: 'm2', label: null },
    ])
    const again = [{ code: 'm3', label: null }, { code: 'm4' }]
    const defaults = { prefer: 'return=representation, missing=default' }
    expect(
      (await post('/things?select=code,label,amount&columns=code,label,amount', again, defaults)).json,
    ).toEqual([
      { code: 'm3', label: null, amount: 1 },
      { code: 'm4', label: 'unnamed', amount: 1 },
    ])
  })
  test('CSV and forms', async () => {
    const csv = { ...full, 'content-type': 'text/csv' }
    expect(
      (await post('/things?select=code,label,amount', 'code,label,amount\nc1,"a, ""b""",2\nc2,NULL,3\n', csv))
        .json,
    ).toEqual([
      { code: 'c1', label: 'a, "b"', amount: 2 },
      { code: 'c2', label: null, amount: 3 },
    ])
    const form = { ...full, 'content-type': 'application/x-www-form-urlencoded' }
    expect((await post('/things?select=code,amount', 'code=f1&amount=4', form)).json).toEqual([
      { code: 'f1', amount: 4 },
    ])
  })
  test('without the right to read, only without a representation', async () => {
    const message = { message: 'hello' }
    expect((await rest.request('POST', '/inbox', { as: stranger, body: message })).status).toBe(201)
    const refused = await rest.request('POST', '/inbox', { as: stranger, body: message, headers: full })
    expect([refused.status, refused.json]).toMatchObject([401, { code: '42501' }])
  })
  test('mistakes', async () => {
    expect((await post('/things', '{"a"')).json).toMatchObject({
      code: 'PGRST102',
      message: 'Empty or invalid json',
    })
    expect((await post('/things', '')).json).toMatchObject({ code: 'PGRST102' })
    expect((await post('/things', '5')).json).toMatchObject({ code: 'PGRST102' })
    expect((await post('/things', [{ code: 'a' }, { label: 'b' }])).json).toMatchObject({
      code: 'PGRST102',
      message: 'All object keys must match',
    })
    expect((await post('/things', { lable: 'x' })).json).toMatchObject({
      code: 'PGRST204',
      hint: "Perhaps you meant the column 'label'.",
    })
    expect((await post('/films', { title: 'x', search: 'y' })).status).toBe(400)
    expect((await post('/things', { mood: 'odd' })).json).toMatchObject({ code: '22P02' })
    expect((await post('/films', { director_id: 1 })).json).toMatchObject({ code: '23502' })
    const orphan = await post('/films', { title: 'x', director_id: 999 })
    expect([orphan.status, orphan.json]).toMatchObject([409, { code: '23503' }])
    expect((await post('/things', 'a', { 'content-type': 'image/png' })).json).toMatchObject({
      code: 'PGRST102',
    })
    expect((await post('/things', 'code,label\n1', { 'content-type': 'text/csv' })).json).toMatchObject({
      code: 'PGRST102',
    })
  })
})

describe('upsert', () => {
  test('merges on the primary key or on other columns, and says what was new', async () => {
    const merge = { prefer: 'return=representation, resolution=merge-duplicates' }
    const rows = (label: string) => [
      { code: 'u1', label },
      { code: 'u2', label },
    ]
    const first = await post('/things?on_conflict=code&select=code,label', rows('one'), merge)
    expect([first.status, first.json]).toEqual([201, rows('one')])
    const second = await post('/things?on_conflict=code&select=code,label', rows('two'), merge)
    expect([second.status, second.json]).toEqual([200, rows('two')])
    const mixed = await post(
      '/things?on_conflict=code',
      [
        { code: 'u1', label: 'three' },
        { code: 'u3', label: 'three' },
      ],
      merge,
    )
    expect(mixed.status).toBe(201)
    expect((await post('/directors?select=id,name', { id: 3, name: 'Somebody' }, merge)).json).toEqual([
      { id: 3, name: 'Somebody' },
    ])
  })
  test('ignores what is there', async () => {
    const ignore = { prefer: 'return=representation, resolution=ignore-duplicates' }
    expect(
      (await post('/things?on_conflict=code&select=code', [{ code: 'u1' }, { code: 'u9' }], ignore)).json,
    ).toEqual([{ code: 'u9' }])
    const clash = await post('/things', { code: 'u1' })
    expect([clash.status, clash.json]).toMatchObject([409, { code: '23505' }])
  })
  test('PUT writes exactly the row of its address', async () => {
    const put = (path: string, body: unknown, headers = {}) => rest.request('PUT', path, { body, headers })
    expect((await put('/addresses?id=eq.9', { id: 9, city: 'Oslo' })).status).toBe(201)
    const again = await put('/addresses?id=eq.9', { id: 9, city: 'Bergen' }, full)
    expect([again.status, again.json]).toEqual([200, [{ id: 9, city: 'Bergen' }]])
    expect((await put('/addresses?id=eq.9', { id: 9, city: 'Oslo' })).status).toBe(204)
    expect((await put('/addresses?id=eq.9', { id: 8, city: 'x' })).json).toMatchObject({ code: 'PGRST115' })
    expect((await put('/addresses?city=eq.Oslo', { id: 9, city: 'x' })).json).toMatchObject({
      code: 'PGRST105',
    })
    expect((await put('/addresses?id=eq.9&limit=1', { id: 9, city: 'x' })).json).toMatchObject({
      code: 'PGRST114',
    })
    expect((await rest.get('/addresses?id=in.(8,9)')).json).toEqual([{ id: 9, city: 'Oslo' }])
  })
})

describe('update and delete', () => {
  const make = (prefix: string) =>
    post(
      '/things',
      ['1', '2', '3'].map((number) => ({ code: `${prefix}${number}`, label: prefix })),
    )
  const send = (method: string, path: string, body?: unknown, headers = {}) =>
    rest.request(method, path, { headers, ...(body === undefined ? {} : { body }) })

  test('touch what the filters find', async () => {
    await make('p')
    const changed = await send(
      'PATCH',
      '/things?label=eq.p&code=neq.p3&select=code,amount',
      { amount: 5 },
      full,
    )
    expect([changed.status, changed.json, changed.headers.get('content-range')]).toEqual([
      200,
      [
        { code: 'p1', amount: 5 },
        { code: 'p2', amount: 5 },
      ],
      '0-1/*',
    ])
    const quiet = await send('PATCH', '/things?code=eq.p3', { amount: 6 }, { prefer: 'count=exact' })
    expect([quiet.status, quiet.text, quiet.headers.get('content-range')]).toEqual([204, '', '0-0/1'])
    const gone = await send('DELETE', '/things?label=eq.p&select=code&order=code', undefined, {
      prefer: 'return=representation, count=exact',
    })
    expect([gone.status, gone.json, gone.headers.get('content-range')]).toEqual([
      200,
      [{ code: 'p1' }, { code: 'p2' }, { code: 'p3' }],
      '*/3',
    ])
  })
  test('nothing to set changes nothing', async () => {
    expect((await send('PATCH', '/things?code=not.is.null', {}, full)).json).toEqual([])
  })
  test('a limit takes the first ones in order', async () => {
    await make('l')
    expect((await send('DELETE', '/things?label=eq.l&order=code.desc&limit=2')).status).toBe(204)
    expect(await things('label=eq.l', 'code')).toEqual([{ code: 'l1' }])
    expect((await send('DELETE', '/tallies?limit=1&n=eq.1')).json).toMatchObject({ code: 'PGRST109' })
    expect(await send('DELETE', '/film_list?id=eq.1')).toMatchObject({ status: 405, json: { code: '55000' } })
  })
  test('a whole table is not touched by accident', async () => {
    expect((await send('DELETE', '/things')).json).toMatchObject({
      code: '21000',
      message: 'DELETE requires a WHERE clause',
    })
    expect((await send('PATCH', '/things', { amount: 0 })).json).toMatchObject({ code: '21000' })
  })
  test('an object that is asked for and not there rolls back', async () => {
    await make('s')
    const accept = { ...full, accept: 'application/vnd.pgrst.object+json' }
    const refused = await send('PATCH', '/things?label=eq.s', { amount: 9 }, accept)
    expect([refused.status, refused.json]).toMatchObject([
      406,
      { code: 'PGRST116', details: 'The result contains 3 rows' },
    ])
    expect(await things('label=eq.s&amount=eq.9')).toEqual([])
    expect((await send('PATCH', '/things?code=eq.s1&select=code', { amount: 9 }, accept)).json).toEqual({
      code: 's1',
    })
  })
  test('more rows than max-affected roll back', async () => {
    await make('x')
    const strict = { prefer: 'handling=strict, max-affected=2' }
    const refused = await send('DELETE', '/things?label=eq.x', undefined, strict)
    expect([refused.status, refused.json]).toMatchObject([
      400,
      { code: 'PGRST124', details: 'The query affects 3 rows' },
    ])
    expect(await things('label=eq.x', 'code')).toHaveLength(3)
    expect((await send('DELETE', '/things?label=eq.x&limit=2&order=code', undefined, strict)).status).toBe(
      204,
    )
  })
  test('tx=rollback answers as if it had happened', async () => {
    const dry = await post(
      '/things?select=code',
      { code: 'dry' },
      { prefer: 'return=representation, tx=rollback' },
    )
    expect([dry.status, dry.json]).toEqual([201, [{ code: 'dry' }]])
    expect(dry.headers.get('preference-applied')).toBe('return=representation, tx=rollback')
    expect(await things('code=eq.dry')).toEqual([])
  })
  test('a dry run is refused where its commit would be', async () => {
    await rest.db.database.asOwner({
      text: `create table public.pairs_of (id int primary key, other int references public.pairs_of (id) deferrable initially deferred);
        grant all on public.pairs_of to service_role`,
    })
    await rest.surface().reload()
    const dry = (id: number, other: number, prefer: string) => post('/pairs_of', { id, other }, { prefer })
    for (const prefer of ['tx=rollback', 'tx=commit', 'tx=rollback, timezone=UTC']) {
      const refused = await dry(1, 2, prefer)
      expect([prefer, refused.status, refused.json]).toMatchObject([prefer, 409, { code: '23503' }])
    }
    expect((await dry(1, 1, 'tx=rollback')).status).toBe(201)
    expect((await rest.get('/pairs_of')).json).toEqual([])
  })
  test('row security binds writes', async () => {
    const [ada, bob] = [actor('ada'), actor('bob')]
    const own = await rest.request('POST', '/notes?select=id', {
      as: ada,
      body: { body: 'mine' },
      headers: full,
    })
    const [{ id } = { id: 0 }] = own.json as { id: number }[]
    const foreign = await rest.request('PATCH', `/notes?id=eq.${id}`, {
      as: bob,
      body: { body: 'stolen' },
      headers: full,
    })
    expect(foreign.json).toEqual([])
    expect(
      (await rest.request('DELETE', `/notes?id=eq.${id}&select=body`, { as: ada, headers: full })).json,
    ).toEqual([{ body: 'mine' }])
  })
})

describe('preferences', () => {
  test('unknown ones fail only when strict', async () => {
    const strict = await rest.get('/films?select=id&limit=1', {
      headers: { prefer: 'handling=strict, foo=bar' },
    })
    expect(strict.json).toMatchObject({ code: 'PGRST122', details: 'Invalid preferences: foo=bar' })
    expect((await rest.get('/films?limit=1', { headers: { prefer: 'foo=bar' } })).status).toBe(200)
  })
  test('timezone', async () => {
    await post('/things', { code: 'tz' })
    const here = await rest.get('/things?select=created&code=eq.tz', {
      headers: { prefer: 'timezone=Asia/Kolkata' },
    })
    expect(here.json).toEqual([{ created: '2026-01-02T08:34:05+05:30' }])
    expect(here.headers.get('preference-applied')).toBe('timezone=Asia/Kolkata')
  })
})
