import { describe, expect, it } from 'vitest'
import { normaliseEmail, requireEmail } from './normalise-email.ts'

describe('e-mail addresses', () => {
  it.each([
    ['Ada@Example.TEST', 'ada@example.test'],
    [' ada@example.test\n', 'ada@example.test'],
    ['a.d-a+tag@sub.example.co', 'a.d-a+tag@sub.example.co'],
    ["o'hara@example.test", "o'hara@example.test"],
    ['root@localhost', 'root@localhost'],
  ])('%j is %j', (given, stored) => {
    expect(normaliseEmail(given)).toBe(stored)
  })

  it.each([
    'ada',
    '@example.test',
    'ada@',
    'ada@-example.test',
    'ada@example..test',
    'a da@example.test',
    'ada@example.test, bob@example.test',
    'ada@example.test\0',
    'ada@exämple.test',
    `ada@${'a'.repeat(64)}.test`,
    `${'a'.repeat(250)}@example.test`,
  ])('%j is none', (given) => {
    expect(normaliseEmail(given)).toBeUndefined()
    expect(() => requireEmail(given)).toThrow(expect.objectContaining({ code: 'validation_failed' }))
  })

  it('refuses long nonsense quickly', () => {
    const start = performance.now()
    normaliseEmail(`${'a'.repeat(60_000)}@${'a-'.repeat(60_000)}`)
    expect(performance.now() - start).toBeLessThan(100)
  })
})
