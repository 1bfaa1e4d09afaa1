import { actor, service, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import type { Caller } from '../../database/index.ts'
import { useRest } from './rest-client.ts'

const rest = useRest()
const read = async (path: string) => {
  const { status, json } = await rest.get(path)
  expect({ path, status, json }).toMatchObject({ status: 200 })
  return json
}

describe('columns', () => {
  test('are renamed, cast and taken out of JSON, arrays and composites', async () => {
    expect(
      await read(
        '/films?select=name:title,year::text,info->crew->>editor,first:tags->0,langs:info->langs->0,info->>length::int&id=eq.1',
      ),
    ).toEqual([
      { name: 'Cleo from 5 to 7', year: '1962', editor: 'Janine', first: 'french', langs: 'fr', length: 90 },
    ])
  })
  test('of odd names are quoted', async () => {
    expect(await read('/odd%20Names?select="the id","a.b",x:"say \\"hi\\""&"a.b"=eq.dot')).toEqual([
      { 'the id': 1, 'a.b': 'dot', x: 'quote' },
    ])
  })
  test('may be computed by a function', async () => {
    expect(await read('/films?select=headline&headline=like.Ran*&order=headline')).toEqual([
      { headline: 'Ran (1985)' },
    ])
  })
  test('are as many as PostgreSQL takes', async () => {
    const { status, json } = await rest.get(`/films?select=${'*,'.repeat(1_000)}id`)
    expect({ status, json }).toMatchObject({ status: 400, json: { code: 'PGRST100' } })
  })
  test('that do not exist are named with the nearest one', async () => {
    const { status, json } = await rest.get('/films?select=titel')
    expect(status).toBe(400)
    expect(json).toEqual({
      code: '42703',
      message: 'column films.titel does not exist',
      details: null,
      hint: 'Perhaps you meant to reference the column "films.title".',
    })
  })
  test('are not cast to types that do not exist', async () => {
    expect((await rest.get('/films?select=id::nonsense')).json).toMatchObject({ code: '42704' })
  })
})

const ids = async (filter: string) =>
  ((await read(`/films?select=id&order=id&${filter}`)) as { id: number }[]).map((row) => row.id)

describe('filters', () => {
  test.each([
    ['year=eq.1985', [2, 3]],
    ['year=neq.1985', [1, 4]],
    ['year=gt.1962', [2, 3]],
    ['year=gte.1962', [1, 2, 3]],
    ['year=lt.1962', [4]],
    ['year=lte.1962', [1, 4]],
    ['title=like.*a*', [2, 3, 4]],
    ['title=ilike.r*', [3]],
    ['title=match.%5EC', [1]],
    ['title=imatch.%5Ec', [1]],
    ['id=in.(1,3)', [1, 3]],
    ['title=in.("Lost, \\"Found\\"",Ran)', [3, 5]],
    ['id=in.()', []],
    ['year=is.null', [5]],
    ['year=is.not_null', [1, 2, 3, 4]],
    ['year=not.is.null', [1, 2, 3, 4]],
    ['active=is.true', [1, 2, 5]],
    ['active=is.false', [3]],
    ['active=is.unknown', [4]],
    ['year=isdistinct.1985', [1, 4, 5]],
    ['search=fts.samurai', [4]],
    ['search=plfts(english).seven samurai', [4]],
    ['search=phfts(english).seven samurai', [4]],
    ['title=wfts(english).samurai or vagabond', [2, 4]],
    ['tags=cs.{epic}', [3, 4]],
    ['tags=cd.{epic,war}', [3, 4, 5]],
    ['tags=ov.{war,french}', [1, 2, 3]],
    ['info=cs.{"length": 90}', [1]],
    ['shown=ov.[2020-01-15Z,2020-03-01Z)', [1]],
    ['shown=sl.[2020-06-01Z,2020-07-01Z)', [1]],
    ['shown=sr.[2020-06-01Z,2020-07-01Z)', [3]],
    ['shown=nxr.[2020-01-01Z,2020-03-01Z)', [1]],
    ['shown=nxl.[2020-06-01Z,2020-07-01Z)', [3]],
    ['shown=adj.[2020-02-01Z,2020-03-01Z)', [1]],
    ['info->length=gt.150', [3, 4]],
    ['info->crew->>editor=eq.Janine', [1]],
    ['year=not.in.(1985,1962)', [4]],
    ['title=not.like.*a*', [1, 5]],
    ['year=eq(any).{1962,1954}', [1, 4]],
    ['title=like(any).{R*,V*}', [2, 3]],
    ['title=like(all).{*a*,V*}', [2]],
    ['or=(year.lt.1960,rating.gt.8.1)', [3, 4]],
    ['and=(year.gte.1960,not.or(id.eq.1,title.eq.Ran))', [2]],
    ['not.and=(year.eq.1985,rating.lt.8)', [1, 3, 4]],
    ['or=(title.in.(Ran,"Lost, \\"Found\\""),tags.cs.{french,drama})', [1, 3, 5]],
    ['or=(info->>length.eq.90,title.eq."Ran")', [1, 3]],
    ['year=gte.1960&year=lt.1980', [1]],
  ])('%s', async (filter, expected) => {
    // A row whose condition is null is not among the negated either; 5 has no year and no rating.
    expect(await ids(filter.replaceAll(' ', '%20'))).toEqual(expected)
  })
  test('of wrong grammar, type and name are refused', async () => {
    expect((await rest.get('/films?year=is')).json).toMatchObject({ code: 'PGRST100' })
    expect((await rest.get('/films?year=near.5')).json).toMatchObject({ code: 'PGRST100' })
    expect((await rest.get('/films?or=(year.eq.1')).json).toMatchObject({ code: 'PGRST100' })
    expect((await rest.get('/films?year=eq.soon')).json).toMatchObject({ code: '22P02' })
    expect((await rest.get('/films?yaer=eq.5')).json).toMatchObject({ code: '42703' })
    expect((await rest.get('/films?tags=like.x')).status).toBe(404)
  })
})

describe('order and windows', () => {
  test('sort by several columns, nulls where asked', async () => {
    expect(await read('/films?select=id&order=year.desc.nullslast,id.desc')).toEqual(
      [3, 2, 1, 4, 5].map((id) => ({ id })),
    )
    expect(await read('/films?select=id&order=info->length.nullsfirst&limit=2')).toEqual([
      { id: 5 },
      { id: 1 },
    ])
  })
  test('limit and offset answer their range', async () => {
    const page = await rest.get('/films?select=id&order=id&limit=2&offset=1')
    expect(page.json).toEqual([{ id: 2 }, { id: 3 }])
    expect(page.headers.get('content-range')).toBe('1-2/*')
  })
  test('a Range header does the same', async () => {
    const page = await rest.get('/films?select=id&order=id', { headers: { range: '3-10' } })
    expect([page.json, page.headers.get('content-range')]).toEqual([[{ id: 4 }, { id: 5 }], '3-4/*'])
    expect((await rest.get('/films', { headers: { range: '3-1' } })).status).toBe(416)
  })
  test('negative and unreadable windows are refused', async () => {
    expect((await rest.get('/films?limit=-1')).json).toMatchObject({ code: 'PGRST103' })
    expect((await rest.get('/films?limit=many')).json).toMatchObject({ code: 'PGRST100' })
  })
})

describe('counts', () => {
  const count = (how: string) => ({ headers: { prefer: `count=${how}` } })
  test('exact', async () => {
    const page = await rest.get('/films?select=id&limit=2&year=not.is.null', count('exact'))
    expect(page.status).toBe(206)
    expect(page.headers.get('content-range')).toBe('0-1/4')
    expect(page.headers.get('preference-applied')).toBe('count=exact')
    expect((await rest.get('/films?select=id', count('exact'))).status).toBe(200)
    expect((await rest.get('/films?id=eq.-1', count('exact'))).headers.get('content-range')).toBe('*/0')
  })
  test('past the end is a range that cannot be', async () => {
    const page = await rest.get('/films?offset=9', count('exact'))
    expect([page.status, page.headers.get('content-range')]).toEqual([416, '*/5'])
    expect(page.json).toMatchObject({
      code: 'PGRST103',
      details: 'An offset of 9 was requested, but there are only 5 rows.',
    })
  })
  test('planned and estimated', async () => {
    const planned = await rest.get('/films?select=id', count('planned'))
    expect(planned.headers.get('content-range')).toMatch(/^0-4\/\d+$/)
    const estimated = await rest.get('/films?select=id&limit=1', count('estimated'))
    expect(estimated.headers.get('content-range')).toBe('0-0/5')
  })
  test('tell nobody of rows that policies or views hide', async () => {
    const owner = actor('ada')
    const others = Array.from({ length: 2_500 }, (_, n) => ({ owner: owner.userId, body: `n${n}` }))
    await rest.request('POST', '/notes', { body: others })
    await rest.db.database.asOwner({
      text: `analyze public.notes;
        create or replace view public.shared_notes as select id, body from public.notes where body = 'n1'`,
    })
    await rest.surface().reload()
    const total = async (path: string, how: string, as: Caller = actor('bob')) => {
      const { headers } = await rest.get(path, { as, ...count(how) })
      return headers.get('content-range')?.split('/')[1]
    }
    for (const how of ['planned', 'estimated']) {
      expect([how, await total('/notes?select=id', how)]).toEqual([how, '0'])
      expect([how, await total('/notes?select=id&limit=1', how, owner)]).toEqual([how, '2500'])
      expect([how, await total('/notes?select=id&body=like.n*', how)]).toEqual([how, '0'])
      expect([how, await total('/shared_notes?select=id', how)]).toEqual([how, '1'])
      expect([how, await total('/rpc/films_since?since=1985&select=id', how)]).toEqual([how, '2'])
    }
    expect(Number(await total('/notes?select=id&limit=1', 'planned', service))).toBeGreaterThan(2_000)
    await rest.request('DELETE', '/notes?body=like.n*')
  })
  test('HEAD counts without a body', async () => {
    const head = await rest.request('HEAD', '/films?select=id', count('exact'))
    expect([head.status, head.text, head.headers.get('content-range')]).toEqual([200, '', '0-4/5'])
    expect(head.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })
})

describe('formats', () => {
  const accept = (type: string) => ({ headers: { accept: type } })
  test('one object', async () => {
    const one = await rest.get('/films?select=id&id=eq.1', accept('application/vnd.pgrst.object+json'))
    expect(one.json).toEqual({ id: 1 })
    expect(one.headers.get('content-type')).toContain('vnd.pgrst.object+json')
    const none = await rest.get('/films?id=eq.-1', accept('application/vnd.pgrst.object+json'))
    expect(none.status).toBe(406)
    expect(none.json).toMatchObject({ code: 'PGRST116', details: 'The result contains 0 rows' })
    const many = await rest.get('/films', accept('application/vnd.pgrst.object+json'))
    expect(many.json).toMatchObject({ details: 'The result contains 5 rows' })
  })
  test('CSV', async () => {
    const csv = await rest.get('/films?select=id,title,year,tags&order=id&id=gte.4', accept('text/csv'))
    expect(csv.text).toBe('id,title,year,tags\n4,Seven Samurai,1954,{epic}\n5,"Lost, ""Found""",,{}')
  })
  test('without nulls', async () => {
    const stripped = await rest.get(
      '/films?select=id,year&id=eq.5',
      accept('application/vnd.pgrst.array+json;nulls=stripped'),
    )
    expect(stripped.json).toEqual([{ id: 5 }])
  })
  test('nothing else', async () => {
    expect((await rest.get('/films', accept('image/png'))).json).toMatchObject({ code: 'PGRST107' })
  })
})

describe('who asks', () => {
  test('row security decides, for every caller', async () => {
    const [ada, bob] = [actor('ada'), actor('bob')]
    await rest.request('POST', '/notes', { as: ada, body: { body: 'mine' } })
    expect((await rest.get('/notes?select=body', { as: ada })).json).toEqual([{ body: 'mine' }])
    expect((await rest.get('/notes?select=body', { as: bob })).json).toEqual([])
    const theft = await rest.request('POST', '/notes', { as: bob, body: { body: 'x', owner: ada.userId } })
    expect([theft.status, theft.json]).toMatchObject([403, { code: '42501' }])
  })
  test('the anonymous role is asked to sign in', async () => {
    const refused = await rest.get('/secrets', { as: stranger })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect((await rest.get('/secrets', { as: actor('ada') })).status).toBe(403)
  })
  test('a missing table is named with the nearest one', async () => {
    expect((await rest.get('/flims')).json).toEqual({
      code: 'PGRST205',
      message: "Could not find the table 'public.flims' in the schema cache",
      details: null,
      hint: "Perhaps you meant the table 'public.films'",
    })
  })
})
