import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import type { Operation, Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'
import { valuesOf } from './values.ts'

/** Every route and function of every system and capability, as its own description says it, with a part out of place. */
export const routeCases = (target: Target): fc.Arbitrary<HttpCase> =>
  fc.constantFrom(...target.operations).chain((operation) => callOf(operation, target))

function callOf(operation: Operation, target: Target): fc.Arbitrary<HttpCase> {
  const { system, method, parameters, bodies, lookup } = operation
  const options = { lookup, ids: target.ids }
  const path = fc
    .tuple(
      ...parameters
        .filter((one) => one.in === 'path')
        .map(({ name, schema }) =>
          valuesOf(schema, options).map((value) => [name, textOfValue(value)] as const),
        ),
    )
    .map((values) =>
      values.reduce((text, [name, value]) => text.replace(`{${name}}`, encode(value)), operation.path),
    )
  const query = fc
    .tuple(
      ...parameters
        .filter((one) => one.in === 'query')
        .map(({ name, schema, required }) =>
          fc
            .tuple(valuesOf(schema, options), fc.boolean())
            .map(([value, isLeft]) => (isLeft && !required ? [] : [[name, textOfValue(value)] as const])),
        ),
    )
    .map((pairs) => pairs.flat().map(([name, value]) => `${encode(name)}=${encode(value)}`))
  const oddQuery = fc.array(fc.constantFrom('a=1', '__proto__=1', 'a=1&a=2', '%', '=', '&&', 'limit=-1'), {
    maxLength: 1,
  })
  const kinds = Object.entries(bodies)
  const body: fc.Arbitrary<{ type: string; body: Text } | undefined> =
    kinds.length === 0
      ? fc.constant(undefined)
      : fc.constantFrom(...kinds).chain(([type, schema]) =>
          fc.record({
            type: fc.oneof(
              { weight: 12, arbitrary: fc.constant(type) },
              fc.constantFrom(
                '',
                'x',
                'application/x-www-form-urlencoded',
                'multipart/form-data; boundary=x',
                'text/plain',
              ),
            ),
            body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
              { weight: 14, arbitrary: valuesOf(schema, options).map((value) => written(type, value)) },
              { weight: 1, arbitrary: fc.json() },
              { weight: 1, arbitrary: longText(1_000_000) },
            ),
          }),
        )
  return fc
    .record({
      path,
      query: fc.tuple(query, oddQuery).map(([parts, odd]) => [...parts, ...odd].join('&')),
      body,
      caller: callerHeaders(target, system),
      method: fc.oneof(
        { weight: 15, arbitrary: fc.constant(method) },
        fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'),
      ),
    })
    .map((made) => ({
      kind: 'http',
      method: made.method,
      target: `/${system}${made.path}${made.query ? `?${made.query}` : ''}`,
      headers: { ...made.caller, ...(made.body ? { 'content-type': made.body.type } : {}) },
      ...(made.body && made.method !== 'GET' && made.method !== 'HEAD' ? { body: made.body.body } : {}),
    }))
}

const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

const textOfValue = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** A value as a body of this kind. */
function written(type: string, value: unknown): string {
  if (type.includes('json')) return JSON.stringify(value) ?? ''
  const fields = Object.entries((typeof value === 'object' && value) || {}).map(
    ([name, field]) => [name, textOfValue(field)] as const,
  )
  if (type.includes('urlencoded')) return fields.map((pair) => pair.map(encode).join('=')).join('&')
  if (!type.includes('multipart')) return textOfValue(value)
  const parts = fields.map(
    ([name, field]) =>
      `--x\r\ncontent-disposition: form-data; name=${JSON.stringify(name)}\r\n\r\n${field}\r\n`,
  )
  return `${parts.join('')}--x--\r\n`
}
