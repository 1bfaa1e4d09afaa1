import { describe, expect, it } from 'vitest'
import { createBucket, createBuckets } from './bucket.ts'
import { createQuota } from './quota.ts'
import { limitsSchema } from './realtime-limits.ts'

const user = { kind: 'user', key: 'user ada', limit: 10 }
const address = { kind: 'client address', key: 'address 192.0.2.1', limit: 15 }

describe('a quota', () => {
  it('takes for all holders or for none, and names the one that is full', () => {
    const quota = createQuota()
    expect(quota.take(10, [user, address])).toBeUndefined()
    expect(quota.take(1, [address, user])).toBe(user)
    expect(quota.take(6, [address])).toBe(address)
    expect(quota.take(5, [address])).toBeUndefined()
    quota.give(10, [user, address])
    expect(quota.take(10, [user, address])).toBeUndefined()
  })

  it('takes nothing for whom nothing is asked', () => {
    const quota = createQuota()
    quota.take(10, [user])
    expect(quota.take(0, [user])).toBeUndefined()
  })
})

describe('a bucket', () => {
  it('is filled steadily, never above its burst', () => {
    let now = 0
    const bucket = createBucket(10, 2, () => now)
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
    now = 100
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
    now = 10_000
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
  })

  it('gives credit, and says how long it takes to be paid', () => {
    let now = 0
    const bucket = createBucket(1_000, 500, () => now)
    expect(bucket.spend(500)).toBe(0)
    expect(bucket.spend(250)).toBe(250)
    now = 250
    expect(bucket.spend(0)).toBe(0)
  })

  it('is one per holder', () => {
    const buckets = createBuckets(1, 1)
    expect([buckets.of('a').take(), buckets.of('a').take(), buckets.of('b').take()]).toEqual([
      true,
      false,
      true,
    ])
  })
})

describe('the limits of a project', () => {
  it('are the defaults where it says nothing', () => {
    const defaults = limitsSchema.parse({})
    const limits = limitsSchema.parse({ channels: { user: 5 }, payloadBytes: 100 })
    expect(limits).toEqual({ ...defaults, channels: { ...defaults.channels, user: 5 }, payloadBytes: 100 })
  })

  it('are whole numbers from 0 on, under known names', () => {
    for (const wrong of [
      { payloadBytes: -1 },
      { channels: { user: 1.5 } },
      { channels: { room: 1 } },
      { chanels: 1 },
    ])
      expect(limitsSchema.safeParse(wrong).success).toBe(false)
  })
})
