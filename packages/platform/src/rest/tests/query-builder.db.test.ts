import { PostgrestClient } from '@supabase/postgrest-js'
import { describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

const rest = useRest({ aggregates: true, plans: true, schemas: ['public', 'other'] })
const from = (table: string) => rest.client().from(table)
const films = () => from('films').select('id').order('id')
type Films = ReturnType<typeof films>

/** For each filter of the builder: what it is called with, and the films that it finds. */
const filters: Record<string, readonly [(films: Films) => PromiseLike<unknown>, readonly number[]]> = {
  eq: [(f) => f.eq('year', 1985), [2, 3]],
  neq: [(f) => f.neq('year', 1985), [1, 4]],
  gt: [(f) => f.gt('rating', 8.2), [4]],
  gte: [(f) => f.gte('rating', 8.2), [3, 4]],
  lt: [(f) => f.lt('rating', 8), [2]],
  lte: [(f) => f.lte('rating', 8), [1, 2]],
  like: [(f) => f.like('title', '%a%'), [2, 3, 4]],
  likeAllOf: [(f) => f.likeAllOf('title', ['%a%', 'V%']), [2]],
  likeAnyOf: [(f) => f.likeAnyOf('title', ['R%', 'V%']), [2, 3]],
  ilike: [(f) => f.ilike('title', 'r%'), [3]],
  ilikeAllOf: [(f) => f.ilikeAllOf('title', ['%A%', 'r%']), [3]],
  ilikeAnyOf: [(f) => f.ilikeAnyOf('title', ['r%', 'v%']), [2, 3]],
  regexMatch: [(f) => f.regexMatch('title', '^[RV]a'), [2, 3]],
  regexIMatch: [(f) => f.regexIMatch('title', '^ran$'), [3]],
  is: [(f) => f.is('active', false), [3]],
  isDistinct: [(f) => f.isDistinct('year', 1985), [1, 4, 5]],
  in: [(f) => f.in('title', ['Ran', 'Lost, "Found"']), [3, 5]],
  notIn: [(f) => f.notIn('id', [1, 2]), [3, 4, 5]],
  contains: [(f) => f.contains('tags', ['epic', 'war']), [3]],
  containedBy: [(f) => f.containedBy('tags', ['epic', 'war']), [3, 4, 5]],
  rangeGt: [(f) => f.rangeGt('shown', '[2020-06-01Z,2020-07-01Z)'), [3]],
  rangeGte: [(f) => f.rangeGte('shown', '[2020-01-01Z,2020-02-01Z)'), [1, 3]],
  rangeLt: [(f) => f.rangeLt('shown', '[2020-06-01Z,2020-07-01Z)'), [1]],
  rangeLte: [(f) => f.rangeLte('shown', '[2020-01-01Z,2020-02-01Z)'), [1]],
  rangeAdjacent: [(f) => f.rangeAdjacent('shown', '[2020-02-01Z,2020-03-01Z)'), [1]],
  overlaps: [(f) => f.overlaps('tags', ['drama', 'war']), [1, 3]],
  textSearch: [(f) => f.textSearch('title', 'seven samurai', { type: 'websearch', config: 'english' }), [4]],
  match: [(f) => f.match({ year: 1985, director_id: 2 }), [3]],
  not: [(f) => f.not('year', 'is', null), [1, 2, 3, 4]],
  or: [(f) => f.or('id.eq.1,and(year.eq.1985,not.or(id.eq.2,id.eq.9))'), [1, 3]],
  filter: [(f) => f.filter('info->crew->>editor', 'eq', 'Janine'), [1]],
}

const dataOf = async (asked: PromiseLike<{ data: unknown; error: unknown }>) => {
  const { data, error } = await asked
  expect(error).toBeNull()
  return data
}

/** For each method that says how rows are given: what it is called with, and what comes. */
const transforms: Record<string, () => Promise<void>> = {
  select: async () => {
    expect(await dataOf(from('films').select('n:title, year::text').eq('id', 1))).toEqual([
      { n: 'Cleo from 5 to 7', year: '1962' },
    ])
  },
  order: async () => {
    const ordered = from('films')
      .select('id')
      .order('year', { ascending: false, nullsFirst: true })
      .order('id')
    expect(await dataOf(ordered)).toEqual([5, 2, 3, 1, 4].map((id) => ({ id })))
    const related = from('films').select('id, directors(name)').in('id', [1, 3]).order('directors(name)')
    expect(await dataOf(related)).toMatchObject([{ id: 3 }, { id: 1 }])
  },
  limit: async () => {
    expect(await dataOf(films().limit(2))).toEqual([{ id: 1 }, { id: 2 }])
    const embedded = from('directors')
      .select('id, films(id)')
      .eq('id', 1)
      .limit(1, { referencedTable: 'films' })
    expect(await dataOf(embedded)).toMatchObject([{ films: [{}] }])
  },
  range: async () => {
    expect(await dataOf(films().range(1, 2))).toEqual([{ id: 2 }, { id: 3 }])
  },
  abortSignal: async () => {
    expect((await films().abortSignal(AbortSignal.timeout(60_000))).error).toBeNull()
  },
  single: async () => {
    expect(await dataOf(films().eq('id', 1).single())).toEqual({ id: 1 })
  },
  maybeSingle: async () => {
    expect(await dataOf(films().eq('id', -1).maybeSingle())).toBeNull()
  },
  csv: async () => {
    expect(await dataOf(films().lt('id', 3).csv())).toBe('id\n1\n2')
  },
  geojson: async () => {
    expect((await films().geojson()).error).toMatchObject({ code: 'PGRST107' })
  },
  explain: async () => {
    expect(await dataOf(films().explain())).toContain('Aggregate')
    const plan = await dataOf(
      films().explain({ format: 'json', analyze: true, verbose: true, buffers: true }),
    )
    expect(plan).toMatchObject([{ Plan: { 'Actual Rows': 1 } }])
  },
  rollback: async () => {
    expect(await dataOf(from('tallies').insert({ word: 'dry' }).select('word').rollback())).toEqual([
      { word: 'dry' },
    ])
    expect(await dataOf(from('tallies').select().eq('word', 'dry'))).toEqual([])
  },
  returns: async () => {
    expect(await dataOf(films().limit(1).returns<{ id: number }[]>())).toEqual([{ id: 1 }])
  },
  maxAffected: async () => {
    const limited = from('tallies')
      .insert([{ word: 'm' }, { word: 'm' }])
      .select()
    expect((await limited).error).toBeNull()
    const refused = from('tallies').delete().eq('word', 'm').maxAffected(1) as unknown as PromiseLike<unknown>
    expect(await refused).toMatchObject({ error: { code: 'PGRST124' } })
  },
  stripNulls: async () => {
    expect(await dataOf(from('films').select('id, year').eq('id', 5).stripNulls())).toEqual([{ id: 5 }])
  },
  overrideTypes: async () => {
    expect(await dataOf(films().limit(1).overrideTypes<{ id: number }[]>())).toEqual([{ id: 1 }])
  },
  setHeader: async () => {
    expect(await dataOf(films().limit(1).setHeader('prefer', 'handling=lenient'))).toEqual([{ id: 1 }])
  },
  retry: async () => {
    expect(await dataOf(films().limit(1).retry(false))).toEqual([{ id: 1 }])
  },
  throwOnError: async () => {
    await expect(Promise.resolve(films().eq('nope', 1).throwOnError())).rejects.toMatchObject({
      code: '42703',
    })
  },
}

/** For each method of the table: what it does to the rows. */
const writes: Record<string, () => Promise<void>> = {
  select: async () => {
    const { count, status } = await from('films').select('*', { head: true, count: 'exact' })
    expect({ count, status }).toEqual({ count: 5, status: 200 })
  },
  insert: async () => {
    const rows = [{ code: 'b1', label: 'x' }, { code: 'b2' }]
    expect(await from('things').insert(rows, { count: 'exact', defaultToNull: false })).toMatchObject({
      status: 201,
      count: 2,
      error: null,
    })
  },
  upsert: async () => {
    const ignored = from('things').upsert(
      { code: 'b1', label: 'y' },
      { onConflict: 'code', ignoreDuplicates: true },
    )
    expect(await dataOf(ignored.select('label'))).toEqual([])
    const merged = from('things').upsert({ code: 'b1', label: 'y' }, { onConflict: 'code' })
    expect(await dataOf(merged.select('label'))).toEqual([{ label: 'y' }])
  },
  update: async () => {
    const updated = from('things')
      .update({ amount: 3 }, { count: 'exact' })
      .like('code', 'b%')
      .select('amount')
    expect(await updated).toMatchObject({ count: 2, data: [{ amount: 3 }, { amount: 3 }] })
  },
  delete: async () => {
    expect(await from('things').delete({ count: 'exact' }).like('code', 'b%')).toMatchObject({
      status: 204,
      count: 2,
    })
  },
}

/** For each method of the client: where it leads. */
const clients: Record<string, () => Promise<void>> = {
  from: async () => {
    expect(await dataOf(from('actors').select('name').eq('id', 1))).toEqual([{ name: 'Corinne' }])
  },
  schema: async () => {
    expect(await dataOf(rest.client().schema('other').from('items').select('name'))).toEqual([
      { name: 'elsewhere' },
    ])
  },
  rpc: async () => {
    const client = rest.client()
    expect(await dataOf(client.rpc('add', { a: 1 }))).toBe(11)
    expect(await dataOf(client.rpc('add', { a: 1, b: 2 }, { get: true }))).toBe(3)
    expect(await client.rpc('films_since', { since: 1985 }, { head: true, count: 'exact' })).toMatchObject({
      count: 2,
    })
    const chosen = client
      .rpc('films_since', { since: 1960 })
      .select('id, directors(name)')
      .eq('year', 1985)
      .order('id')
    expect(await dataOf(chosen.limit(1))).toEqual([{ id: 2, directors: { name: 'Varda' } }])
  },
  getOpenApiSpec: async () => {
    const client = rest.client() as unknown as {
      getOpenApiSpec(): Promise<{ data: unknown; error: unknown }>
    }
    expect(await client.getOpenApiSpec()).toMatchObject({ error: null, data: { swagger: '2.0' } })
  },
}

/** What the library itself calls, or what asks nothing of the server. */
const inner = ['constructor', 'then', 'processResponse', 'cloneRequestState', 'decorateFetch']

const methodsOf = (prototype: object): string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => !inner.includes(name))

describe('the query builder of supabase-js', () => {
  test.each(Object.entries(filters))('%s', async (_name, [filter, ids]) => {
    expect(await filter(films())).toMatchObject({ error: null, data: ids.map((id) => ({ id })) })
  })
  test.each(Object.entries(transforms))('%s', (_name, work) => work())
  test.each(Object.entries(writes))('table: %s', (_name, work) => work())
  test.each(Object.entries(clients))('client: %s', (_name, work) => work())

  test('has no method without a case', () => {
    const builder = films()
    const chain: object[] = []
    for (
      let at: unknown = Object.getPrototypeOf(builder);
      at && at !== Object.prototype;
      at = Object.getPrototypeOf(at)
    )
      chain.push(at as object)
    const known = new Set([...Object.keys(filters), ...Object.keys(transforms)])
    expect(chain.flatMap(methodsOf).filter((name) => !known.has(name))).toEqual([])
    expect(methodsOf(Object.getPrototypeOf(from('films')) as object).sort()).toEqual(
      Object.keys(writes).sort(),
    )
    expect(methodsOf(PostgrestClient.prototype).sort()).toEqual(Object.keys(clients).sort())
  })
})
