import { describe, expect, test } from 'vitest'
import { hasCode } from '../../kernel/index.ts'
import { bounds } from './bounds.ts'
import { parseFieldPath, parseNames } from './field.ts'
import { parseOrder } from './order.ts'
import { readQuery } from './query.ts'
import { parseSelect } from './select.ts'

const refusal = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    expect(hasCode(error, 'PGRST100')).toBe(true)
    return (error as { details: { details: unknown } }).details.details
  }
}

describe('a filter', () => {
  const filter = (text: string) => {
    const { filters, slots } = readQuery(text)
    return { ...filters[0], values: slots.values }
  }
  test('keeps its value out of the operation', () => {
    expect(filter('age=gte.18')).toEqual({
      kind: 'condition',
      field: 'age',
      negated: false,
      operation: { kind: 'compare', operator: 'gte', quantifier: undefined, slot: 0 },
      values: ['18'],
    })
  })
  test('is decoded once', () => {
    expect(filter('name=eq.a%2Bb+c%26').values).toEqual(['a+b c&'])
  })
  test.each([
    ['a=in.(1,2)', [['1', '2']]],
    ['a=in.("x,y",z)', [['x,y', 'z']]],
    ['a=in.("say \\"hi\\"","it""s")', [['say "hi"', 'it""s']]],
    ['a=in.(%22a%22, %22b%22)', [['a', 'b']]],
    ['a=in.()', [[]]],
    ['a=in.( )', [[]]],
    ['a=like.*x*', ['%x%']],
    ['a=fts(german).x', ['german', 'x']],
    ['a=eq(any).{1,2}', ['{1,2}']],
    ['a=is.null', []],
    ['a=eq.', ['']],
    ['a=eq.1.5', ['1.5']],
  ])('%s has the values %j', (text, values) => {
    expect(filter(text).values).toEqual(values)
  })
  test.each([
    ['a=5', 'operator'],
    ['a=not.not.eq.1', 'operator'],
    ['a=neq(any).{1}', 'quantifier'],
    ['a=is.maybe', 'isVal'],
    ['a=in.(1', '")"'],
    ['a=in.1', '"("'],
    ['%zz=eq.1', 'percent-encoding'],
    ['a=eq.%00', '\\0'],
  ])('%s is refused because of %s', (text, expected) => {
    expect(refusal(() => readQuery(text))).toContain(expected)
  })
})

describe('a logic tree', () => {
  const tree = (text: string) => readQuery(text).trees[0]
  test('nests and negates', () => {
    expect(tree('not.or=(a.eq.1,and(b.is.null,c.not.in.(1,2)))')).toMatchObject({
      path: '',
      clause: {
        joiner: 'or',
        negated: true,
        members: [
          { field: 'a', operation: { operator: 'eq' } },
          {
            joiner: 'and',
            members: [
              { field: 'b', operation: { kind: 'is' } },
              { field: 'c', negated: true },
            ],
          },
        ],
      },
    })
    expect(tree('tasks.or=(a.eq.1)')).toMatchObject({ path: 'tasks', clause: { negated: false } })
    expect(tree('tasks.not.and=(a.eq.1)')).toMatchObject({ path: 'tasks', clause: { negated: true } })
  })
  test('knows where values end', () => {
    const { slots } = readQuery('or=(a.eq."x,(y)",b.cs.{1,"},"},data->>k.eq.v,c.in.(1,2),d.eq.)')
    expect(slots.values).toEqual(['x,(y)', '{1,"},"}', 'v', ['1', '2'], ''])
  })
  test.each(['or=a.eq.1', 'or=()', 'or=(a.eq.1', 'or=(a.eq.1)x', 'or=(a)', 'or=(a.b)', 'and=(or)'])(
    '%s is refused',
    (text) => {
      expect(refusal(() => readQuery(text))).toBeTypeOf('string')
    },
  )
})

describe('the shape', () => {
  const shape = (text: string) => readQuery(text).slots.shape
  test('is the same for other values', () => {
    expect(shape('id=eq.1&or=(a.in.(1,2),b.like.x*)&x.limit=1')).toBe(
      shape('id=eq.2&or=(a.in.(3),b.like.y)&x.limit=9'),
    )
  })
  test.each([
    ['id=eq.1', 'id=neq.1'],
    ['id=eq.1', 'id=not.eq.1'],
    ['id=is.null', 'id=is.true'],
    ['a=fts.x', 'a=fts(english).x'],
    ['a=eq(any).{1}', 'a=eq(all).{1}'],
    ['or=(a.eq.1,b.eq.1)', 'and=(a.eq.1,b.eq.1)'],
    ['or=(a.eq.1,and(b.eq.1,c.eq.1))', 'or=(a.eq.1,and(b.eq.1),c.eq.1)'],
    ['x.limit=1', 'y.limit=1'],
    ['select=a', 'select=b'],
    ['select=a&order=b', 'order=a&select=b'],
    ['a=eq.x&b=eq.y', 'b=eq.x&a=eq.y'],
  ])('tells %s from %s', (left, right) => {
    expect(shape(left)).not.toBe(shape(right))
  })
})

describe('bounds', () => {
  test.each([
    ['length', `a=eq.${'x'.repeat(bounds.queryLength)}`],
    ['parameters', 'a=eq.1&'.repeat(bounds.parameters + 1)],
    ['conditions', `or=(${'a.eq.1,'.repeat(bounds.conditions + 1)}a.eq.1)`],
    ['depth', `and=${'(and'.repeat(40)}(a.eq.1${')'.repeat(41)}`],
  ])('on %s', (_, text) => {
    expect(refusal(() => readQuery(text))).toContain('more than')
  })
  test('on select, order and paths', () => {
    expect(refusal(() => parseSelect('a,'.repeat(bounds.selected + 1)))).toContain('more than')
    expect(refusal(() => parseSelect(`${'a('.repeat(20)}${')'.repeat(20)}`))).toContain('more than')
    expect(refusal(() => parseSelect('a(b),'.repeat(100)))).toContain('more than')
    expect(refusal(() => parseOrder(Array(100).fill('a').join(',')))).toContain('more than')
    expect(refusal(() => parseFieldPath(`${'a.'.repeat(20)}b`))).toContain('more than')
    expect(refusal(() => parseFieldPath(`a${'->b'.repeat(50)}`))).toContain('more than')
  })
})

describe('select', () => {
  const field = {
    alias: undefined,
    steps: [],
    cast: undefined,
    aggregate: undefined,
    aggregateCast: undefined,
  }
  test('reads fields, renames, casts, paths and aggregates', () => {
    expect(
      parseSelect('*, id,x:a->b->>c::int,"odd, one",n:count(),total:amount.sum()::text,a->0->-1'),
    ).toEqual([
      { kind: 'star' },
      { kind: 'field', ...field, name: 'id' },
      {
        kind: 'field',
        ...field,
        name: 'a',
        alias: 'x',
        cast: 'int',
        steps: [
          { asText: false, key: 'b' },
          { asText: true, key: 'c' },
        ],
      },
      { kind: 'field', ...field, name: 'odd, one' },
      { kind: 'field', ...field, name: undefined, alias: 'n', aggregate: 'count' },
      { kind: 'field', ...field, name: 'amount', alias: 'total', aggregate: 'sum', aggregateCast: 'text' },
      {
        kind: 'field',
        ...field,
        name: 'a',
        steps: [
          { asText: false, key: 0 },
          { asText: false, key: -1 },
        ],
      },
    ])
  })
  test('reads embeds', () => {
    const embed = { kind: 'embed', alias: undefined, hint: undefined, join: 'left', spread: false, items: [] }
    expect(parseSelect('a:b!c!inner(*),...d(),e!left!f(g())')).toEqual([
      { ...embed, alias: 'a', name: 'b', hint: 'c', join: 'inner', items: [{ kind: 'star' }] },
      { ...embed, name: 'd', spread: true },
      { ...embed, name: 'e', hint: 'f', items: [{ ...embed, name: 'g' }] },
    ])
  })
  test('of nothing is nothing', () => {
    expect(parseSelect('')).toEqual([])
  })
  test.each([
    'a,',
    'a b)',
    '(a)',
    'a(',
    'a(b',
    'a!(b)',
    'a!b!c!d(e)',
    'a::',
    'a.nope()',
    'a->',
    'a:',
    '"a',
    '...',
  ])('%s is refused', (text) => {
    expect(refusal(() => parseSelect(text))).toBeTypeOf('string')
  })
})

test('order reads directions, nulls, paths and embeds', () => {
  const plain = { relation: undefined, direction: undefined, nulls: undefined }
  expect(parseOrder('a,b.desc.nullslast,c->>d.asc,e(f).nullsfirst')).toEqual([
    { ...plain, field: { name: 'a', steps: [] } },
    { ...plain, field: { name: 'b', steps: [] }, direction: 'desc', nulls: 'last' },
    { ...plain, field: { name: 'c', steps: [{ asText: true, key: 'd' }] }, direction: 'asc' },
    { ...plain, relation: 'e', field: { name: 'f', steps: [] }, nulls: 'first' },
  ])
  for (const text of ['a.up', 'a,', 'a(b', 'a.desc.asc'])
    expect(refusal(() => parseOrder(text))).toBeTypeOf('string')
})

test('names are quoted or plain, and each counts once', () => {
  expect(parseNames('"a,b",c,c', 'columns')).toEqual(['a,b', 'c'])
  expect(refusal(() => parseNames('a,', 'columns'))).toBeTypeOf('string')
})

test('parameters of a function are what is no filter', () => {
  const { callArguments, filters, slots } = readQuery('a=1&b=eq.2&a=3&limit=5', true)
  expect(callArguments).toEqual([
    { name: 'a', slot: 0 },
    { name: 'a', slot: 2 },
  ])
  expect([filters.length, slots.values]).toEqual([1, ['1', '2', '3']])
})
