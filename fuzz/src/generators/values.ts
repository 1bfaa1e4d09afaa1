import fc from 'fast-check'

type Schema = Readonly<Record<string, unknown>>

/** Finds what a `$ref` names. */
export type Lookup = (ref: string) => Schema

export interface ValueOptions {
  readonly lookup: Lookup
  /** Ids of rows that are there. */
  readonly ids: readonly string[]
}

/** Values that fit nowhere, or nearly. */
export const wild = (ids: readonly string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constantFrom<unknown>(
      null,
      '',
      ' ',
      '\u0000',
      '\ud800',
      '🐘',
      'null',
      "'; drop table x; --",
      'x'.repeat(5_000),
      0,
      -1,
      1.5,
      1e308,
      2 ** 53,
      -(2 ** 63),
      true,
      [],
      [[]],
      {},
      { __proto__: null, constructor: 1 },
      '2026-02-30',
      '0000-00-00T00:00:00Z',
      '+275760-09-13T00:00:00Z',
      'Infinity',
      '1e400',
      ...ids,
    ),
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ maxLength: 20 }),
  )

/** Levels below which optional things are left out. */
const deepest = 5

/** Values that a JSON schema nearly takes: each part of one in ten is something else. */
export function valuesOf(
  schema: Schema | undefined,
  options: ValueOptions,
  depth = 0,
): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 9, arbitrary: fittingOf(schema ?? {}, options, depth) },
    { weight: 1, arbitrary: wild(options.ids) },
  )
}

function fittingOf(schema: Schema, options: ValueOptions, depth: number): fc.Arbitrary<unknown> {
  const { $ref, anyOf, oneOf, allOf, const: only, enum: choices, type } = schema
  if (depth > deepest + 4) return fc.constant(null)
  if (typeof $ref === 'string') return fittingOf(options.lookup($ref), options, depth + 1)
  if (only !== undefined) return fc.constant(only)
  if (Array.isArray(choices) && choices.length > 0) return fc.constantFrom<unknown>(...choices)
  const union = (anyOf ?? oneOf) as readonly Schema[] | undefined
  if (union && union.length > 0)
    return fc.constantFrom(...union).chain((one) => fittingOf(one, options, depth + 1))
  if (Array.isArray(allOf)) return fittingOf(Object.assign({}, ...(allOf as Schema[])), options, depth + 1)
  const kind = Array.isArray(type) ? (type[0] as string) : type
  if (kind === 'object' || schema['properties']) return objectOf(schema, options, depth)
  if (kind === 'array') return arrayOf(schema, options, depth)
  if (kind === 'string') return textOf(schema, options)
  if (kind === 'integer' || kind === 'number') return numberOf(schema, kind === 'integer')
  if (kind === 'boolean') return fc.boolean()
  if (kind === 'null') return fc.constant(null)
  return wild(options.ids)
}

function objectOf(schema: Schema, options: ValueOptions, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
  const required = (schema['required'] ?? []) as readonly string[]
  const kept = depth > deepest ? properties.filter(([name]) => required.includes(name)) : properties
  const known = fc.record(
    Object.fromEntries(kept.map(([name, each]) => [name, valuesOf(each, options, depth + 1)])),
    { requiredKeys: kept.map(([name]) => name).filter((name) => required.includes(name)) },
  )
  const { additionalProperties: more } = schema
  const others = fc.dictionary(
    fc.oneof(fc.constantFrom('__proto__', 'constructor', 'id', ''), fc.string({ maxLength: 8 })),
    typeof more === 'object' && more !== null
      ? valuesOf(more as Schema, options, depth + 1)
      : wild(options.ids),
    { maxKeys: properties.length === 0 ? 3 : 1 },
  )
  const missing = fc.constantFrom('', '', '', '', ...required)
  return fc.tuple(known, fc.boolean(), others, missing).map(([given, adds, extra, without]) => {
    const all = { ...given, ...(adds || properties.length === 0 ? extra : {}) } as Record<string, unknown>
    if (without !== '') delete all[without]
    return all
  })
}

const arrayOf = (schema: Schema, options: ValueOptions, depth: number): fc.Arbitrary<unknown> => {
  const item = valuesOf(schema['items'] as Schema | undefined, options, depth + 1)
  const few = fc.array(item, { maxLength: depth > deepest ? 0 : 3 })
  return fc.oneof(
    { weight: 12, arbitrary: few },
    {
      weight: 1,
      arbitrary: fc
        .tuple(item, fc.integer({ min: 50, max: 2_000 }))
        .map(([one, count]) => Array(count).fill(one)),
    },
  )
}

function textOf({ format, minLength, maxLength }: Schema, { ids }: ValueOptions): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.oneof(fc.constantFrom(...ids), fc.uuid())
  if (format === 'email') return fc.constantFrom('fuzz@example.test', 'a@b', 'ü@ü.example')
  if (format === 'date-time')
    return fc.constantFrom('2026-01-15T12:00:00Z', '2026-12-31T23:59:60Z', '9999-12-31T00:00:00Z')
  if (format === 'date') return fc.constantFrom('2026-01-15', '2024-02-29', '9999-12-31')
  if (format === 'uri') return fc.constantFrom('https://example.test/', 'http://127.0.0.1:9/', 'javascript:0')
  const most = typeof maxLength === 'number' ? maxLength : 60
  const least = typeof minLength === 'number' ? minLength : 0
  return fc.oneof(
    fc.constantFrom(...ids, 'name', 'day', 'Cup', 'USD', 'INR', 'Europe/Berlin', '2026-01-15', '2026-01'),
    fc.string({ minLength: Math.min(least, 200), maxLength: Math.min(most, 200) }),
    fc.constantFrom(least, most, most + 1).map((length) => 'x'.repeat(Math.min(length, 100_000))),
  )
}

function numberOf(schema: Schema, whole: boolean): fc.Arbitrary<number> {
  const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']
    .map((name) => schema[name])
    .filter((bound) => typeof bound === 'number')
  const near = bounds.flatMap((bound) => [bound - 1, bound, bound + 1])
  const any = whole ? fc.integer({ min: -5, max: 5_000 }) : fc.double({ min: -5, max: 1e6, noNaN: true })
  return near.length > 0 ? fc.oneof(any, fc.constantFrom(...near)) : any
}
