import { createBadInput, header } from '@plinth/testing/bad-input'
import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'

/** Queries in the grammar of PostgREST with one value or name out of place, or far too much of something. */
export function restCases(target: Target): fc.Arbitrary<HttpCase> {
  return fc.constantFrom(...weighted(target)).chain((system) => {
    const { tables, calls } = target.tables[system]!
    const columns = [...new Set(Object.values(tables).flat())]
    const { queryString, body } = createBadInput([...columns, ...Object.keys(tables), ...target.ids])
    const path = fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .constantFrom(...Object.keys(tables), 'nothing')
          .map((name) => `/${system}/rest/v1/${name}`),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom(...calls, 'nothing').map((name) => `/${system}/rest/v1/rpc/${name}`),
      },
      fc.constantFrom(
        `/${system}/rest/v1/`,
        `/${system}/rest/v1/%00`,
        `/${system}/rest/v1/__proto__`,
        `/${system}/rest/v1/rpc/constructor`,
      ),
    )
    const query: fc.Arbitrary<Text> = fc.oneof(
      { weight: 4, arbitrary: queryString },
      { weight: 2, arbitrary: longQuery },
    )
    const asked: fc.Arbitrary<readonly [string, Text]> = fc.oneof(
      { weight: 5, arbitrary: soundCall(system, target) },
      { weight: 5, arbitrary: fc.tuple(path, query) },
    )
    return fc
      .record({
        method: fc.oneof(
          { weight: 4, arbitrary: fc.constant('GET') },
          fc.constantFrom('HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'),
        ),
        asked,
        given: header,
        more: fc.dictionary(
          fc.constantFrom('prefer', 'accept', 'range', 'content-profile', 'accept-profile', 'content-type'),
          longText(20_000),
          { maxKeys: 1 },
        ),
        caller: callerHeaders(target, system),
        body: fc.oneof({ weight: 3, arbitrary: body }, { weight: 1, arbitrary: longText(1_000_000) }),
      })
      .map(({ method, asked: [path, query], given, more, caller, body: sent }) => ({
        kind: 'http',
        method,
        target: joined(path, query),
        headers: { 'content-type': 'application/json', ...given, ...more, ...caller },
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: sent }),
      }))
  })
}

/** Every system, those with rows of the fuzz's user more often. */
const weighted = ({ tables }: Target): readonly string[] => [
  ...Object.keys(tables),
  ...['shops', 'shops', 'shops', 'notes'].filter((name) => name in tables),
]

const joined = (path: string, query: Text): Text =>
  typeof query === 'string' ? `${path}?${query}` : { ...query, before: `${path}?${query.before}` }

const openings = [
  'select=',
  'select=id',
  'select=id::a',
  'select=items(',
  'select=ordered_products->',
  'order=',
  'order=id.',
  'id=eq.',
  'id=in.(',
  'id=in.("',
  'or=(',
  'and=(',
  'name=like.',
  'columns=',
  'limit=',
  'not.and=(',
]
const repeated = [
  '+',
  '%20',
  '%0A',
  'a',
  'A1',
  '(',
  ')',
  '.',
  ',',
  '"',
  '\\',
  '->',
  '->>',
  '::',
  '!',
  '*',
  'and(',
  'or(',
  'not.',
  'a(',
  'a,',
  '1',
  '[',
  '{',
  '%25',
]
const endings = ['', '1', ')', '"', '!', '%20x']

/** One parameter that is very long: 90 KB are read, more is refused with the head. */
const longQuery: fc.Arbitrary<Text> = fc
  .record({
    before: fc.constantFrom(...openings),
    repeat: fc.constantFrom(...repeated),
    times: fc.integer({ min: 1, max: 90_000 }),
    after: fc.constantFrom(...endings),
  })
  .map(({ times, repeat, ...text }) => ({ ...text, repeat, times: Math.ceil(times / repeat.length) }))

/** What can be embedded, so that queries also reach the database. */
const embeds: Readonly<Record<string, readonly string[]>> = {
  items: ['shop:shops(name)', 'stock_history(*)'],
  shops: ['items(*)', 'items(id,stock_history(*))'],
  form_submissions: ['order_lines(quantity,item:items(name))'],
}
const operators = [
  'eq',
  'neq',
  'gt',
  'lt',
  'like',
  'ilike',
  'match',
  'imatch',
  'in',
  'is',
  'cs',
  'cd',
  'ov',
  'fts',
  'not.eq',
  'eq(any)',
  'like(all)',
]

/** A table and a query that a client would send to it. */
const soundCall = (system: string, target: Target): fc.Arbitrary<readonly [string, string]> => {
  const { tables } = target.tables[system]!
  const named = Object.keys(tables).filter((name) => tables[name]!.length > 0)
  if (named.length === 0) return fc.constant([`/${system}/rest/v1/`, ''])
  const value = fc.oneof(
    fc.constantFrom(...target.ids),
    fc.integer().map(String),
    fc.constantFrom('Cup', 'null', 'true', '*up*', '2026-01-01', '1,2', '(a+)+$', '[[:alpha:]]*', '\\'),
  )
  return fc.constantFrom(...named).chain((table) => {
    const column = fc.constantFrom(...tables[table]!)
    const condition = fc
      .tuple(column, fc.constantFrom(...operators), value)
      .map(
        ([name, operator, operand]) =>
          `${name}=${operator}.${encodeURIComponent(wrapped(operator, operand))}`,
      )
    const select = fc
      .array(
        fc.oneof(
          column,
          column.map((name) => `${name}::text`),
          fc.constantFrom('*', 'count()', ...(embeds[table] ?? [])),
        ),
        { minLength: 1, maxLength: 3 },
      )
      .map((parts) => `select=${parts.join(',')}`)
    const page = fc.oneof(
      column.map((name) => `order=${name}.desc.nullslast`),
      fc.constantFrom('limit=2&offset=1', 'limit=0', 'limit=1'),
    )
    return fc
      .array(fc.oneof(condition, select, page), { maxLength: 4 })
      .map((parts) => [`/${system}/rest/v1/${table}`, parts.join('&')] as const)
  })
}

const wrapped = (operator: string, operand: string): string => {
  if (operator === 'in') return `(${operand})`
  return operator.includes('(') || ['cs', 'cd', 'ov'].includes(operator) ? `{${operand}}` : operand
}
