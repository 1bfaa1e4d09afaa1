import fc from 'fast-check'
import type { Text } from '../case.ts'

/** Pieces that parsers read in more than one step for each: nested, escaped, or nearly right. */
const pieces = [
  '[',
  '{"a":',
  '[{},',
  '{},',
  '{}',
  '"',
  '\\',
  '\\u0000',
  ',',
  ';',
  '(',
  ')',
  'and(',
  'or(',
  'not.',
  'a.',
  'a->',
  'a->>',
  '::',
  '::a',
  '+',
  '%',
  '%2',
  '%2C',
  ' ',
  '\t',
  '\n',
  '\r\n',
  'a,',
  'a,b\n',
  '"a",',
  '""',
  '1',
  '1e',
  '-',
  '.',
  '..',
  '*',
  '!inner',
  'a(',
  'a(b,',
  '&',
  'a&',
  'a=b&',
  '=',
  'é',
  '🐘',
  'a:b,',
  'x',
  '\u0000',
  'timezone=UTC,',
  'count=exact,',
  'application/json,',
  'q=1;',
  'a@',
  '@a',
  'a-',
  '_',
  'null,',
]

/** What makes a parser that came so far give up, or take all of it. */
const endings = ['', '', '1', '!', '}', ']', '{}]', ')', '"', ',', '.', ' ', '=']

/** One piece again and again, up to `most` characters. */
export const longText = (most: number): fc.Arbitrary<Text> =>
  fc
    .tuple(
      fc.constantFrom('', 'a', '"', '[', '{"a":', 'id::a', 'in.('),
      fc.constantFrom(...pieces),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(...endings),
    )
    .map(([before, repeat, part, after]) => ({
      before,
      repeat,
      times: Math.floor((most / repeat.length) * part ** 3),
      after,
    }))
