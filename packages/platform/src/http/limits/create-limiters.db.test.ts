import { waitFor } from '@plinth/testing'
import { findRedis, startRedis, type TestRedis } from '@plinth/testing/programs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../kernel/index.ts'
import { createLimiters, type Limiter, type Limiters } from '../index.ts'

const limit = { points: 3, seconds: 60 }

describe('limits of one process', () => {
  const { create } = createLimiters({ redisUrl: undefined, log: silentLog })

  it('let exactly so many through, however many come at once', async () => {
    const limiter = create({ ...limit, name: 'a' })
    const waits = await Promise.all(Array.from({ length: 50 }, () => limiter.count('ada')))
    expect(waits.filter((seconds) => seconds === 0)).toHaveLength(3)
    expect(Math.max(...waits)).toBeLessThanOrEqual(60)
  })

  it('look without counting, and forget', async () => {
    const limiter = create({ points: 1, seconds: 60, name: 'b' })
    expect([await limiter.look('ada'), await limiter.count('ada')]).toEqual([0, 0])
    expect(await limiter.look('ada')).toBeGreaterThan(0)
    expect(await limiter.look('bob')).toBe(0)
    await limiter.forget('ada')
    expect(await limiter.count('ada')).toBe(0)
  })

  it('tell long keys apart', async () => {
    const limiter = create({ points: 1, seconds: 60, name: 'c' })
    const long = 'x'.repeat(100_000)
    expect([await limiter.count(`${long}1`), await limiter.count(`${long}2`)]).toEqual([0, 0])
    expect(await limiter.count(`${long}1`)).toBeGreaterThan(0)
  })
})

describe.skipIf(!findRedis())('limits of several nodes', () => {
  let redis: TestRedis
  const nodes: Limiters[] = []

  beforeAll(async () => {
    redis = await startRedis()
    for (let node = 0; node < 2; node += 1)
      nodes.push(createLimiters({ redisUrl: redis.url, log: silentLog }))
  })
  afterAll(async () => {
    for (const node of nodes) await node.close()
    await redis.stop()
  })

  const both = (name: string): readonly Limiter[] => nodes.map(({ create }) => create({ ...limit, name }))
  /** True once both nodes count a key of its own together. */
  const areJoined = async (attempt: number) => {
    const [a, b] = both(`joined-${attempt}-${Math.random()}`)
    for (let count = 0; count < 3; count += 1) await a!.count('probe')
    return (await b!.count('probe')) > 0
  }
  const waitUntilJoined = () => waitFor(() => areJoined(0), { what: 'Redis' })

  it('are counted together, by name and key', async () => {
    await waitUntilJoined()
    const [a, b] = both('together')
    const waits = await Promise.all(Array.from({ length: 40 }, (_, at) => (at % 2 ? a! : b!).count('ada')))
    expect(waits.filter((seconds) => seconds === 0)).toHaveLength(3)
    expect(await both('apart')[0]!.count('ada')).toBe(0)
    await b!.forget('ada')
    expect(await a!.count('ada')).toBe(0)
  })

  it('are counted by each node while Redis is away or hangs, and together again when it is back', async () => {
    await waitUntilJoined()
    redis.kill('SIGSTOP')
    const hanging = both('hanging')
    expect(await Promise.all(Array.from({ length: 4 }, () => hanging[0]!.count('ada')))).toEqual([
      0,
      0,
      0,
      expect.any(Number),
    ])
    redis.kill('SIGCONT')
    await waitUntilJoined()
    redis.kill('SIGKILL')
    const [a, b] = both('away')
    await waitFor(async () => (await a!.count('ada')) > 0)
    expect(await b!.count('ada')).toBe(0)
    expect(await b!.look('ada')).toBe(0)
    await redis.stop()
    redis = await startRedis(redis.port)
    await waitUntilJoined()
  })
})
