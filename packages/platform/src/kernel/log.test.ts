import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createLog } from './log.ts'

/** The lines that a log writes for `fields`. */
function linesOf(fields: object): { readonly text: string; readonly line: Record<string, never> } {
  let text = ''
  const stream = new Writable({
    write: (part, _, done) => {
      text += String(part)
      done()
    },
  })
  createLog('info', stream).error(fields, 'request failed')
  return { text, line: JSON.parse(text) as Record<string, never> }
}

describe('a log line', () => {
  const where = 'PL/pgSQL function public.loop() line 1 at SQL statement\n'.repeat(2_000)

  it('of a trigger that calls itself is a few kilobytes, and says how long its context was', () => {
    const failure = Object.assign(new Error('stack depth limit exceeded'), {
      code: '54001',
      where,
      line: '1',
    })
    const outer = Object.assign(new Error('internal', { cause: failure }), { details: { where } })
    const { text, line } = linesOf({ err: outer })
    expect(text.length).toBeLessThan(8_000)
    expect(line).toMatchObject({
      err: {
        message: 'internal',
        cause: {
          message: 'stack depth limit exceeded',
          code: '54001',
          where: expect.stringContaining('112000 characters'),
        },
      },
    })
  })

  it.each([
    ['a long text', { problem: 'x'.repeat(100_000) }],
    ['a long text further down', { a: { b: { c: 'x'.repeat(100_000) } } }],
    ['many entries', { ids: Array.from({ length: 100_000 }, (_, index) => index) }],
    ['many fields', Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, index]))],
    ['a long name', { ['x'.repeat(100_000)]: 1 }],
    ['bytes', { body: Buffer.alloc(100_000) }],
    ['an error in an error in an error', { err: chain(1_000) }],
    ['itself', circle()],
  ])('with %s is bounded', (_case, fields) => {
    expect(linesOf(fields).text.length).toBeLessThan(32_000)
  })

  it('keeps what is short, and hides what is secret', () => {
    const { line } = linesOf({ ms: 3, at: { name: 'shops' }, password: 'hunter2', user: { token: 'abc' } })
    expect(line).toMatchObject({
      ms: 3,
      at: { name: 'shops' },
      password: '[Redacted]',
      user: { token: '[Redacted]' },
    })
  })
})

function chain(length: number): Error {
  let error = new Error('first')
  for (let index = 0; index < length; index++) error = new Error(`next ${index}`, { cause: error })
  return error
}

function circle(): object {
  const fields: Record<string, unknown> = {}
  fields.self = fields
  return fields
}
