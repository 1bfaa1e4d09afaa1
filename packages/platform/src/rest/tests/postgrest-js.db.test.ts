import { actor } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

const rest = useRest({ aggregates: true })

describe('an unmodified postgrest-js', () => {
  test('reads with embeds, filters, order, range and count', async () => {
    const { data, count, error, status } = await rest
      .client()
      .from('films')
      .select('title, directors!inner(name), actors(name)', { count: 'exact' })
      .eq('directors.name', 'Kurosawa')
      .or('year.gt.1980,title.ilike.*samurai*')
      .order('title', { ascending: false })
      .order('name', { referencedTable: 'actors' })
      .range(0, 0)
    expect({ data, count, error, status }).toEqual({
      data: [
        {
          title: 'Seven Samurai',
          directors: { name: 'Kurosawa' },
          actors: [{ name: 'Tatsuya' }, { name: 'Toshiro' }],
        },
      ],
      count: 2,
      error: null,
      status: 206,
    })
  })
  test('takes one, one or none, and none', async () => {
    const films = () => rest.client().from('films').select('id')
    expect((await films().eq('id', 1).single()).data).toEqual({ id: 1 })
    expect((await films().eq('id', -1).single()).error).toMatchObject({
      code: 'PGRST116',
      details: 'The result contains 0 rows',
    })
    expect(await films().eq('id', -1).maybeSingle()).toMatchObject({ data: null, error: null })
    expect((await films().gt('id', 0).maybeSingle()).error?.code).toBe('PGRST116')
  })
  test('filters by every helper', async () => {
    const ids = async (filtered: PromiseLike<{ data: unknown; error: unknown }>) => {
      const { data, error } = await filtered
      expect(error).toBeNull()
      return (data as { id: number }[]).map((row) => row.id).sort()
    }
    const films = () => rest.client().from('films').select('id')
    expect(await ids(films().in('title', ['Ran', 'Lost, "Found"']))).toEqual([3, 5])
    expect(await ids(films().contains('tags', ['epic', 'war']))).toEqual([3])
    expect(await ids(films().containedBy('tags', ['epic', 'war']))).toEqual([3, 4, 5])
    expect(await ids(films().overlaps('tags', ['drama']))).toEqual([1])
    expect(await ids(films().contains('info', { langs: ['ja'] }))).toEqual([3])
    expect(await ids(films().rangeGt('shown', '[2020-06-01Z,2020-07-01Z)'))).toEqual([3])
    expect(await ids(films().rangeAdjacent('shown', '[2020-02-01Z,2020-03-01Z)'))).toEqual([1])
    expect(await ids(films().textSearch('search', `'seven' & 'samurai'`, { config: 'english' }))).toEqual([4])
    expect(await ids(films().likeAnyOf('title', ['R%', 'V%']))).toEqual([2, 3])
    expect(await ids(films().ilikeAllOf('title', ['%a%', 'r%']))).toEqual([3])
    expect(await ids(films().match({ year: 1985, director_id: 2 }))).toEqual([3])
    expect(await ids(films().not('year', 'is', null).not('id', 'in', '(1,2)'))).toEqual([3, 4])
    expect(await ids(films().filter('info->crew->>editor', 'eq', 'Janine'))).toEqual([1])
    expect(await ids(films().is('year', null))).toEqual([5])
  })
  test('writes one, many, upserts, updates and deletes', async () => {
    const things = () => rest.client().from('things')
    const made = await things()
      .insert(
        [
          { code: 'j1', list: [1, 2], data: { a: [1] } },
          { code: 'j2', label: 'given' },
        ],
        { defaultToNull: false },
      )
      .select('code, label, list, data')
    expect(made).toMatchObject({
      status: 201,
      error: null,
      data: [
        { code: 'j1', label: 'unnamed', list: [1, 2], data: { a: [1] } },
        { code: 'j2', label: 'given', list: null, data: null },
      ],
    })
    const merged = await things()
      .upsert(
        [
          { code: 'j1', label: 'again' },
          { code: 'j3', label: 'new' },
        ],
        { onConflict: 'code' },
      )
      .select('code, label')
    expect(merged.data).toEqual([
      { code: 'j1', label: 'again' },
      { code: 'j3', label: 'new' },
    ])
    expect((await things().update({ amount: 7 }).eq('code', 'j1').select('amount').single()).data).toEqual({
      amount: 7,
    })
    const limited = things().delete().like('code', 'j%').maxAffected(1) as unknown as PromiseLike<unknown>
    expect(await limited).toMatchObject({ error: { code: 'PGRST124' } })
    expect(await things().delete({ count: 'exact' }).like('code', 'j%')).toMatchObject({
      status: 204,
      count: 3,
    })
    expect(await things().insert({ code: 'dry' }).select('code').rollback()).toMatchObject({
      data: [{ code: 'dry' }],
    })
    expect((await things().select().eq('code', 'dry')).data).toEqual([])
  })
  test('calls functions', async () => {
    const client = rest.client()
    expect((await client.rpc('add', { a: 1, b: 2 })).data).toBe(3)
    expect(
      await client
        .rpc('films_since', { since: 1980 }, { count: 'exact' })
        .select('title')
        .order('title')
        .limit(1),
    ).toMatchObject({
      data: [{ title: 'Ran' }],
      count: 2,
    })
    expect((await client.rpc('total', { numbers: [1, 2] }, { get: true })).data).toBe(3)
    expect((await client.rpc('forget')).error).toBeNull()
    expect((await client.rpc('fail_with', { state: 'P0001' })).error).toMatchObject({
      code: 'P0001',
      details: 'in detail',
    })
  })
  test('counts without rows, reads CSV, aggregates', async () => {
    const client = rest.client()
    expect(await client.from('films').select('*', { head: true, count: 'exact' })).toMatchObject({
      count: 5,
      data: null,
    })
    expect((await client.from('films').select('id').lt('id', 3).order('id').csv()).data).toBe('id\n1\n2')
    expect(
      (await client.from('films').select('director_id, rating.avg(), n:count()').order('director_id')).data,
    ).toEqual([
      { director_id: 1, avg: 7.9, n: 2 },
      { director_id: 2, avg: 8.4, n: 2 },
      { director_id: null, avg: null, n: 1 },
    ])
    expect((await client.from('directors').select('name, films(rating.max())').eq('id', 2)).data).toEqual([
      { name: 'Kurosawa', films: [{ max: 8.6 }] },
    ])
    expect(
      (await client.from('films').select('id.count(), directors(name)').eq('director_id', 1)).data,
    ).toEqual([{ count: 2, directors: { name: 'Varda' } }])
  })
  test('is told what is not there yet', async () => {
    const { error } = await rest.client().from('directors').select('name, ...films(rating.max())')
    expect(error?.code).toBe('PGRST127')
  })
  test('aggregates columns of spread embeds over the rows that they are spread into', async () => {
    const films = (select: string) => rest.client().from('films').select(select)
    expect((await films('year, ...directors(born.max(), n:count())').order('year')).data).toEqual([
      { year: 1954, max: '1910-03-23', n: 1 },
      { year: 1962, max: '1928-05-30', n: 1 },
      { year: 1985, max: '1928-05-30', n: 2 },
      { year: null, max: null, n: 0 },
    ])
    expect(
      (await films('rating.sum()::int, ...directors(name)').not('director_id', 'is', null)).data,
    ).toEqual(
      expect.arrayContaining([
        { sum: 16, name: 'Varda' },
        { sum: 17, name: 'Kurosawa' },
      ]),
    )
    const nested = rest
      .client()
      .from('specs')
      .select('...films(year.min(), ...directors(first:born.min(), c:count()))')
    expect((await nested).data).toEqual([{ min: 1962, first: '1910-03-23', c: 2 }])
  })
  test('is bound by row security', async () => {
    const [ada, bob] = [actor('ada'), actor('bob')]
    await rest.client(ada).from('notes').insert({ body: 'private' })
    expect((await rest.client(ada).from('notes').select('body')).data).toEqual([{ body: 'private' }])
    expect((await rest.client(bob).from('notes').select('body')).data).toEqual([])
    expect((await rest.client(bob).from('secrets').select()).error?.code).toBe('42501')
  })
})
