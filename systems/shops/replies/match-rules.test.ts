import { describe, expect, it } from 'vitest'
import { compileRules, type ReplyRule } from './match-rules.ts'

const rule = (match_type: ReplyRule['match_type'], ...keywords: string[]): ReplyRule => ({
  id: `${match_type} ${keywords[0]}`,
  keywords,
  match_type,
  chat: true,
  comments: false,
})

const fits = (type: ReplyRule['match_type'], keyword: string, text: string) =>
  compileRules([rule(type, keyword)]).matching(text, 'chat').length === 1

describe('a keyword', () => {
  it.each<[ReplyRule['match_type'], string, string, boolean]>([
    ['exact', 'Price', ' PRICE ', true],
    ['exact', 'price', 'price?', false],
    ['contains', 'price', 'the prices', true],
    ['contains', 'prıce', 'price', false],
    ['contains', 'ＰＲＩＣＥ', 'price', true],
    ['word', 'price', 'the prices', false],
    ['word', 'price', 'what price?', true],
    ['word', 'price', 'priceprice price', true],
    ['word', 'ราคา', 'ราคา?', true],
    ['word', 'größe', 'Welche GRÖSSE', false],
    ['word', 'größe', 'Welche Größe?', true],
    ['word', '😀', 'a 😀 b', true],
    ['regex', '^how (much|many)\\b', 'How much is it?', true],
    ['regex', '^how (much|many)\\b', 'so how much', false],
    ['regex', '\\d{3}-\\d{4}', 'call 555-1234', true],
  ])('%s %j in %j: %s', (type, keyword, text, expected) => {
    expect(fits(type, keyword, text)).toBe(expected)
  })

  it.each(['exact', 'contains', 'word'] as const)('%s: an empty one fits nothing', (type) => {
    expect(fits(type, '  ', 'anything')).toBe(false)
  })
})

it('rules are named in their order, and only where they apply', () => {
  const rules = compileRules([
    rule('word', 'b'),
    rule('word', 'a'),
    { ...rule('contains', 'a'), comments: true, chat: false },
  ])
  expect(rules.matching('a b', 'chat')).toEqual(['word b', 'word a'])
  expect(rules.matching('a b', 'comments')).toEqual(['contains a'])
})

it.each(['(a', 'a(?=b)', '(a)\\1', 'x'.repeat(501), '(a{100}){100}'])(
  'an expression that is none of RE2 or too large is named and matches nothing: %s',
  (pattern) => {
    const rules = compileRules([rule('regex', pattern), rule('contains', 'a')])
    expect(rules.broken).toHaveLength(1)
    expect(rules.matching('aaaa', 'chat')).toEqual(['contains a'])
  },
)

it('a shop has two hundred expressions at the most; those after them are named', () => {
  const rules = compileRules([
    rule('regex', ...Array.from({ length: 205 }, (_, n) => `x${n}$`)),
    rule('exact', 'x204'),
  ])
  expect(rules.broken).toHaveLength(5)
  expect(rules.matching('x199', 'chat')).toHaveLength(1)
  expect(rules.matching('x204', 'chat')).toEqual(['exact x204'])
})

it('an expression that would take a backtracking engine forever takes the time of its text', () => {
  const rules = compileRules(
    ['(a+)+$', '(a|a)*b', '(.*a){20}', '^(\\w+\\s?)*$'].map((pattern) => rule('regex', pattern)),
  )
  const started = process.hrtime.bigint()
  for (let times = 0; times < 5; times++) rules.matching(`${'a'.repeat(100_000)}!`, 'chat')
  // A backtracking engine would take longer than the universe is old: any bound proves it.
  expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(30)
})
