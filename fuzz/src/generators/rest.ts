import { createBadInput, header } from '@plinth/testing/bad-input'
import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'

const tables = {
  shops: [
    'shops',
    'items',
    'form_submissions',
    'order_lines',
    'stock_history',
    'team_members',
    'messages',
    'profiles',
    'nothing',
    'low_stock_alerts',
  ],
  notes: ['notes', 'nothing'],
} as const
const calls = {
  shops: [
    'update_stock',
    'get_low_stock_items',
    'get_item_availability',
    'get_shop_stats',
    'process_order_stock_changes',
    'nothing',
  ],
  notes: ['nothing'],
} as const
const columns = [
  'id',
  'shop_id',
  'owner_id',
  'name',
  'stock',
  'quantity',
  'status',
  'submitted_at',
  'ordered_products',
  'item',
  'price',
  'body',
  'author_id',
  'created_at',
  'p_shop_id',
  'p_item_id',
  'p_change',
  'p_threshold',
]

/** Queries in the grammar of PostgREST with one value or name out of place, or far too much of something. */
export function restCases(target: Target): fc.Arbitrary<HttpCase> {
  const { queryString, body } = createBadInput([...columns, ...tables.shops, ...target.ids])
  return fc.constantFrom('shops' as const, 'notes' as const).chain((system) => {
    const path = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(...tables[system]).map((name) => `/${system}/rest/v1/${name}`),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom(...calls[system]).map((name) => `/${system}/rest/v1/rpc/${name}`),
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

/** Columns of tables that are there, and what can be embedded, so that queries also reach the database. */
const known = {
  items: {
    columns: ['id', 'shop_id', 'name', 'stock', 'price', 'created_at'],
    embeds: ['shop:shops(name)', 'stock_history(*)'],
  },
  shops: {
    columns: ['id', 'owner_id', 'name', 'created_at'],
    embeds: ['items(*)', 'items(id,stock_history(*))'],
  },
  notes: { columns: ['id', 'author_id', 'body', 'created_at'], embeds: [] },
  form_submissions: {
    columns: ['id', 'shop_id', 'status', 'ordered_products', 'submitted_at'],
    embeds: ['order_lines(quantity,item:items(name))'],
  },
} as const
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
const soundCall = (system: 'shops' | 'notes', { ids }: Target): fc.Arbitrary<readonly [string, string]> => {
  const value = fc.oneof(
    fc.constantFrom(...ids),
    fc.integer().map(String),
    fc.constantFrom('Cup', 'null', 'true', '*up*', '2026-01-01', '1,2', '(a+)+$', '[[:alpha:]]*', '\\'),
  )
  const tablesOf =
    system === 'shops' ? (['items', 'shops', 'form_submissions'] as const) : (['notes'] as const)
  return fc.constantFrom(...tablesOf).chain((table) => {
    const column = fc.constantFrom(...known[table].columns)
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
          fc.constantFrom('*', 'count()', ...known[table].embeds),
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
