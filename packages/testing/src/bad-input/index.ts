import fc from 'fast-check'

/** Texts that break parsers: structure, quotes, SQL, odd characters. */
const nasty = fc.constantFrom(
  "'",
  '"',
  '\\',
  ';--',
  "'); drop table films;--",
  '$1',
  '$$',
  '(',
  ')',
  '{',
  '}',
  ',',
  '.',
  ':',
  '::',
  '->',
  '->>',
  '!',
  '...',
  '*',
  '%00',
  '%',
  '%zz',
  '&',
  '=',
  'null',
  '🐘',
  'é',
  ' ',
  '\t',
  '-1',
  '99999999999999999999',
)

/** Words of the grammar that every table knows. */
const grammar = [
  'select',
  'order',
  'limit',
  'offset',
  'and',
  'or',
  'not',
  'columns',
  'on_conflict',
  'eq',
  'in',
  'is',
  'fts',
  'cs',
  'like',
  'any',
  'inner',
  'asc',
  'desc',
  'nullslast',
  'count()',
  'sum()',
  'int',
  'text',
  'true',
  '1',
  '1985',
]

/** Query strings and bodies from nearly right to nonsense, over the names of some tables and columns. */
export function createBadInput(names: readonly string[]) {
  const word = fc.constantFrom(...names, ...grammar)

  const piece = fc.oneof(
    { weight: 5, arbitrary: word },
    { weight: 3, arbitrary: nasty },
    fc.string({ maxLength: 8 }),
  )

  const soup = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(''))

  /** Query strings: from nearly right to nonsense. */
  const queryString = fc
    .array(
      fc.oneof(
        fc.tuple(word, soup),
        fc.tuple(soup, soup),
        fc.tuple(
          fc.constant('select'),
          fc.array(soup, { maxLength: 4 }).map((parts) => parts.join(',')),
        ),
        fc.tuple(
          word,
          fc.tuple(word, soup).map(([operator, value]) => `${operator}.${value}`),
        ),
        fc.tuple(
          fc.constantFrom('or', 'and'),
          fc.array(soup, { maxLength: 4 }).map((parts) => `(${parts.join(',')})`),
        ),
      ),
      { maxLength: 5 },
    )
    .map((pairs) => pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'))

  /** Bodies: JSON of the right and the wrong kind, and what is no JSON. */
  const body = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc
      .dictionary(fc.oneof(word, soup), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 })
      .map((row) => JSON.stringify(row)),
    fc
      .array(fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), { maxLength: 4 })
      .map((rows) => JSON.stringify(rows)),
    soup,
    fc.integer({ min: 1, max: 100_000 }).map((depth) => '['.repeat(depth)),
  )

  return { word, soup, queryString, body }
}

/** Mostly encoded as a client would, so that the fuzz reaches past the decoding; `%` sometimes stays as it is. */
const encode = (text: string): string =>
  text.length % 5 === 0 ? text.replaceAll(/[#\s]/g, '+') : encodeURIComponent(text.toWellFormed())

/** Headers that rest reads. */
export const header = fc.record(
  {
    accept: fc.constantFrom(
      'application/json',
      'text/csv',
      'application/vnd.pgrst.object+json',
      'a/b',
      '*/*;q=x',
    ),
    prefer: fc.oneof(
      fc.constantFrom('return=representation', 'count=exact', 'count=planned', 'resolution=merge-duplicates'),
      fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '')),
    ),
    range: fc.constantFrom('0-1', '5-', '9-1', '-', 'x'),
    'content-type': fc.constantFrom(
      'application/json',
      'text/csv',
      'application/x-www-form-urlencoded',
      'text/plain',
    ),
    'accept-profile': fc.constantFrom('public', 'nope', ''),
  },
  { requiredKeys: [] },
)
