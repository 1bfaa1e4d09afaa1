import { waitFor } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { createMemoryCounter } from './attempt-counter.ts'

describe('counting attempts', () => {
  it('lets exactly the limit through, however many come at once (AT-37)', async () => {
    const counter = createMemoryCounter({ attempts: 100, seconds: 60 })
    const waits = await Promise.all(Array.from({ length: 500 }, () => counter.count('ada')))
    expect(waits.filter((seconds) => seconds === 0)).toHaveLength(100)
    expect(Math.max(...waits)).toBeLessThanOrEqual(60)
  })

  it('keeps keys apart, and forgets one when told', async () => {
    const counter = createMemoryCounter({ attempts: 1, seconds: 60 })
    expect(await counter.look('ada')).toBe(0)
    expect(await counter.count('ada')).toBe(0)
    expect(await counter.look('ada')).toBeGreaterThan(0)
    expect(await counter.count('ada')).toBeGreaterThan(0)
    expect(await counter.count('bob')).toBe(0)
    await counter.forget('ada')
    expect(await counter.count('ada')).toBe(0)
  })

  it('lets through again when the window is over, though it was asked all the time', async () => {
    const counter = createMemoryCounter({ attempts: 1, seconds: 1 })
    await counter.count('ada')
    await waitFor(async () => (await counter.count('ada')) === 0, { timeout: 3000 })
  })
})
