import { getPriority } from 'node:os'
import * as argon2 from '@node-rs/argon2'
import * as bcrypt from '@node-rs/bcrypt'
import { describe, expect, it } from 'vitest'
import { createPasswordHasher, isUsableHash } from './password-hasher.ts'

const turn = { project: 'sample', address: '192.0.2.1' }

describe('password hashes', () => {
  const passwords = createPasswordHasher()

  it('are argon2id with OWASP’s parameters, different every time', async () => {
    const [one, two] = [await passwords.hash('tea', turn), await passwords.hash('tea', turn)]
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(one).not.toBe(two)
    expect(await passwords.verify(async () => one, 'tea', turn)).toBe(true)
    expect(await passwords.verify(async () => one, 'Tea', turn)).toBe(false)
    expect(passwords.isOutdated(one)).toBe(false)
  })

  it('may be imported from bcrypt and other argon2 parameters, and are outdated then', async () => {
    const imported = [
      await bcrypt.hash('tea', { cost: 4, version: '2a' }),
      await bcrypt.hash('tea', { cost: 4, version: '2y' }),
      await argon2.hash('tea', { memoryCost: 4096, timeCost: 1, parallelism: 1 }),
    ]
    for (const hash of imported) {
      expect(isUsableHash(hash)).toBe(true)
      expect(await passwords.verify(async () => hash, 'tea', turn)).toBe(true)
      expect(await passwords.verify(async () => hash, 'coffee', turn)).toBe(false)
      expect(passwords.isOutdated(hash)).toBe(true)
    }
  })

  it.each([
    ['nothing', null],
    ['an empty text', ''],
    ['plain text', 'tea'],
    [
      'another scheme',
      '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
    ],
    ['a torn argon2 hash', '$argon2id$v=19$m=19456,t=2,p=1$abc'],
    ['a bcrypt hash that would take hours', `$2b$31$${'a'.repeat(53)}`],
    [
      'an argon2 hash that would take the memory',
      '$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA',
    ],
  ])('never match when stored is %s', async (_, stored) => {
    if (stored !== null) expect(isUsableHash(stored)).toBe(false)
    expect(await passwords.verify(async () => stored, 'tea', turn)).toBe(false)
    expect(await passwords.verify(async () => stored, '', turn)).toBe(false)
  })

  it('take as much work to miss where there is none as where there is one', async () => {
    const stored = await passwords.hash('tea', turn)
    const timeOf = async (hash: string | null) => {
      const start = performance.now()
      await passwords.verify(async () => hash, 'coffee', turn)
      return performance.now() - start
    }
    const rounds = []
    for (let round = 0; round < 15; round += 1)
      rounds.push([await timeOf(null), await timeOf(stored)] as const)
    const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
    const ratio = median(rounds.map(([none]) => none)) / median(rounds.map(([, some]) => some))
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
  })

  it('leave the event loop to everybody else, at its own priority', async () => {
    const priority = getPriority()
    let turns = 0
    const hashing = passwords.hash('tea', turn)
    let done = false
    void hashing.finally(() => {
      done = true
    })
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    expect(turns).toBeGreaterThan(10)
    expect(getPriority()).toBe(priority)
  })

  it('are refused when too many wait', async () => {
    const busy = createPasswordHasher({ atOnce: 1, places: 2 })
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => busy.hash('tea', turn)))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(7)
    expect(refused[0]!.reason).toMatchObject({ code: 'over_request_rate_limit', details: { seconds: 2 } })
  })
})
