import { describe, expect, test } from 'vitest'
import { messageOf } from '../../kernel/index.ts'
import { castTypeFinder } from '../catalogue/cast-types.ts'
import { parseFieldPath, parseNames, parsePath } from './field.ts'
import { parseOrder } from './order.ts'
import { readQuery } from './query.ts'
import { parseSelect } from './select.ts'

/**
 * Texts made to be read many times: what stands before, what is repeated, and an end that does not fit. The scanner
 * refuses a text that it has walked over too often, whatever the machine's speed.
 */
const heads = ['', '(', '"', 'a.', 'a->', 'in.(', 'eq.{', 'fts(', 'not.', 'id::a', 'a:', '...a(']
const pieces = [
  '+',
  ' ',
  '  a',
  'a',
  'a ',
  'a,',
  '"',
  '"a,',
  '"a\\",',
  '\\',
  '(',
  ')',
  'a(',
  'a!b',
  '.',
  'a.',
  'not.',
  '->',
  '->>a',
  '->-1',
  ':',
  '::',
  '::a',
  '{',
  '{"',
  '}',
  'and(',
  'or(a.eq.1,',
  '*',
  '...',
  '1',
  '-1',
  'sum()',
  '[]',
  'é',
  '🐘',
  '\t',
  '&',
  '%20',
  '%',
]
const ends = ['', '1', '"', ')', ',', '!', '\u0001']

describe('reading is linear', () => {
  const readers: Record<string, (text: string) => unknown> = {
    select: parseSelect,
    order: parseOrder,
    columns: (text) => parseNames(text, 'columns'),
    path: parsePath,
    'field path': parseFieldPath,
    filter: (text) => readQuery(`a=${text}`),
    tree: (text) => readQuery(`and=${text}`),
    'query string': (text) => readQuery(text, true),
  }
  test.each(Object.entries(readers))('%s', (_name, reader) => {
    for (const head of heads) {
      for (const piece of pieces) {
        for (const end of ends) {
          const text = `${head}${piece.repeat(Math.floor(8_000 / piece.length))}${end}`
          expect(
            failureOf(() => reader(text)),
            JSON.stringify([head, piece, end]),
          ).not.toContain('passes')
        }
      }
    }
  })
})

test('a cast is looked up without going back over its name', () => {
  const find = castTypeFinder([{ own: true, name: 'int4', type: 'integer' }])
  for (const piece of ['+', ' ', 'a ', 'a', '1', '(1)', '[]', 'é ']) {
    expect(find(`a${piece.repeat(30_000)}!`)).toBeUndefined()
  }
})

function failureOf(work: () => unknown): string {
  try {
    work()
    return ''
  } catch (error) {
    const { details } = error as { details?: { details?: unknown } }
    return `${messageOf(error).slice(0, 80)} ${String(details?.details)}`
  }
}
