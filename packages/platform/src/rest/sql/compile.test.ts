import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RawRequest, readRequest } from '../request/read-request.ts'
import { sampleCatalogue } from '../tests/sample-catalogue.ts'
import { compileCall } from './compile-call.ts'
import { compileTable } from './compile-table.ts'
import { valuesOf } from './statement-text.ts'

const settings = { maxRows: undefined, aggregates: true, safeUpdate: false }

interface Asked {
  readonly method?: string
  readonly name?: string
  readonly search?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

async function compile({ method = 'GET', name = 'items', search = '', headers = {}, body = '' }: Asked) {
  const kind = name === 'find_items' ? 'function' : 'relation'
  const raw: RawRequest = {
    method,
    kind,
    name,
    search,
    header: (header) => headers[header] ?? null,
    readBody: async () => Buffer.from(body),
  }
  const request = await readRequest(raw, { schemas: ['public'], maxRows: undefined, maxBody: 1e6 })
  const compiled = (kind === 'function' ? compileCall : compileTable)(request, sampleCatalogue, settings)
  const values = valuesOf(compiled.bindings, {
    slots: request.query.slots.values,
    limit: request.window.limit,
    offset: request.window.offset,
    body: request.rows?.json ?? null,
    maxAffected: undefined,
  })
  return { text: compiled.text, values }
}

describe('a statement', () => {
  test('selects, filters, sorts and limits', async () => {
    const { text, values } = await compile({ search: 'select=id,n:label&id=gt.5&order=label.desc&limit=3' })
    expect(text).toContain(
      'from (select t0."id" as "id", t0."label" as "n" from "public"."items" as t0 where t0."id" > $1 order by t0."label" desc limit $2) r',
    )
    expect(values).toEqual(['5', 3])
  })
  test('takes JSON keys as parameters', async () => {
    const { text, values } = await compile({ search: 'select=data->a->>0&data->>b=eq.x' })
    expect(text).toContain('(t0."data"->$1::text->>$2::int) as "a"')
    expect(text).toContain('(t0."data"->>$3::text) = $4')
    expect(values).toEqual(['a', 0, 'b', 'x'])
  })
  test('reads back no column that was not asked for', async () => {
    const { text } = await compile({ method: 'POST', body: '{"label":"x"}' })
    expect(text).toContain('insert into "public"."items" as t ("label") select b."label"')
    expect(text).toContain('returning 1)')
  })
  test('counts without the embeds that do not filter', async () => {
    const { text } = await compile({
      search: 'select=id,makers(name)&limit=1',
      headers: { prefer: 'count=exact' },
    })
    expect(text).toContain('(select count(*)::int from (select 1 from "public"."items" as t0) c) as total')
  })
  test('is the same whatever the values are', async () => {
    const one = await compile({ search: 'id=in.(1,2)&label=like.a*&limit=1' })
    const other = await compile({ search: 'id=in.(3)&label=like.b&limit=9' })
    expect(one.text).toBe(other.text)
  })
})

const marker = 'M4RK'
/** A value that would stand out in SQL text, with everything that could end a literal or a name. */
const hostile = fc
  .array(fc.constantFrom("'", '"', '\\', ';', '--', '$1', '/*', '🐘', ' ', 'x', '{', '%'), { maxLength: 5 })
  .map((parts) => `${marker}${parts.join('')}`)

const aliasText = fc.stringMatching(/^[a-z "';$]{1,12}$/).filter((text) => text.trim() !== '')
const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

const filters = fc.array(
  fc.oneof(
    fc
      .tuple(
        fc.constantFrom('label', 'makers.name', '"odd \\"name\\""', 'data->>k'),
        fc.constantFrom('eq', 'neq', 'like', 'match', 'not.ilike', 'isdistinct', 'fts', 'cs'),
        hostile,
      )
      .map(([field, operator, value]) => [field, `${operator}.${value}`] as const),
    fc
      .tuple(fc.constantFrom('label'), hostile)
      .map(([field, value]) => [field, `in.(${quoted(value)},x)`] as const),
    fc
      .tuple(fc.constantFrom('label'), hostile)
      .map(([field, value]) => [`data->>${quoted(value)}`, `eq.${field}`] as const),
    hostile.map(
      (value) => ['or', `(label.eq.${quoted(value)},and(id.gt.1,label.like.${quoted(value)}))`] as const,
    ),
    hostile.map((value) => ['label', `fts(${value.replaceAll(/[()]/g, '')}).x`] as const),
  ),
  { maxLength: 6 },
)

const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE')
const prefers = fc.constantFrom(
  'return=representation,count=exact',
  'resolution=merge-duplicates,return=representation',
  'count=estimated',
  '',
)

describe('property: SQL text holds no value, and no name but the catalogue’s and the aliases that were asked for', () => {
  test('for tables', async () => {
    await fc.assert(
      fc.asyncProperty(
        methods,
        filters,
        aliasText,
        hostile,
        prefers,
        async (method, given, alias, value, prefer) => {
          const search = new URLSearchParams([
            ['select', `id,${quoted(alias)}:label,k:data->${quoted(value)},makers(name)`],
            ['order', `data->${quoted(value)}.desc${method === 'GET' ? ',makers(name)' : ''}`],
            ['limit', '7'],
            ...given.map(([name, text]) => [name, text] as const),
          ] as [string, string][])
          const body = JSON.stringify({ label: value, data: { [value]: value } })
          const { text, values } = await compile({
            method,
            search: search.toString(),
            headers: { prefer },
            body,
          })
          expect(text).not.toContain(marker)
          expect(namesIn(text).filter((name) => !known.has(name) && name !== alias)).toEqual([])
          expect(literalsIn(text).filter((literal) => !fixedLiterals.test(literal))).toEqual([])
          expect(Math.max(0, ...placeholdersIn(text))).toBe(values.length)
        },
      ),
      { numRuns: 500, seed: 20_261_120 },
    )
  })
  test('for functions', async () => {
    await fc.assert(
      fc.asyncProperty(filters, hostile, async (given, value) => {
        const search = new URLSearchParams([
          ['term', value],
          ['select', 'id,makers(name)'],
          ...given.map(([name, text]) => [name, text] as const),
        ] as [string, string][])
        const { text, values } = await compile({ name: 'find_items', search: search.toString() })
        expect(text).not.toContain(marker)
        expect(values).toContain(value)
        expect(namesIn(text).filter((name) => !known.has(name))).toEqual([])
      }),
      { numRuns: 200, seed: 20_261_120 },
    )
  })
})

const known = new Set([
  'public',
  'items',
  'makers',
  'id',
  'label',
  'data',
  'maker_id',
  'odd "name"',
  'name',
  'find_items',
  'term',
  '~row',
  'k',
])

/** Quoted names and literals of an SQL text, whichever opens first. */
const quotedIn = (text: string) => [...text.matchAll(/"((?:[^"]|"")*)"|'((?:[^']|'')*)'/g)]

const namesIn = (text: string): string[] =>
  quotedIn(text).flatMap(([, name]) => (name === undefined ? [] : [name.replaceAll('""', '"')]))

const literalsIn = (text: string): string[] =>
  quotedIn(text).flatMap(([, , literal]) => (literal === undefined ? [] : [literal]))

/** What the code itself writes between quotes. */
const fixedLiterals = /^(|\[\]|null|0|plinth PGRST\d+ |plinth\.inserted|response\.(headers|status)|none)$/

const placeholdersIn = (text: string): number[] =>
  [...text.replaceAll(/"(?:[^"]|"")*"/g, '').matchAll(/\$(\d+)/g)].map((match) => Number(match[1]))
