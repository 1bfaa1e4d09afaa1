import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryStore, type MemoryEntry } from './memory-store.ts'

const entry = (given: Partial<MemoryEntry> = {}): MemoryEntry => ({
  text: 'x'.repeat(400),
  tags: [],
  freshUntil: 10,
  staleUntil: 10,
  isPinned: false,
  ...given,
})

describe('answers in memory', () => {
  it('that were not asked for the longest go first, pinned ones never', () => {
    const store = createMemoryStore(5_000)
    store.set('pinned', entry({ isPinned: true }))
    for (const key of ['a', 'b', 'c']) store.set(key, entry())
    store.get('a')
    store.set('d', entry())
    store.set('e', entry())
    const there = ['pinned', 'a', 'b', 'c', 'd', 'e'].filter((key) => store.get(key))
    expect(there).toEqual(['pinned', 'a', 'd', 'e'])
  })

  it('are left out when pinned ones leave no room', () => {
    const store = createMemoryStore(2_500)
    for (const key of ['a', 'b', 'c']) store.set(key, entry({ isPinned: true }))
    expect(['a', 'b', 'c'].map((key) => store.get(key) !== undefined)).toEqual([true, true, false])
    store.set('d', entry({ text: 'x'.repeat(5_000) }))
    expect(store.get('d')).toBeUndefined()
  })

  it('go by tag and by age, and their bytes are counted exactly', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('set' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        length: fc.integer({ min: 0, max: 900 }),
        tag: fc.constantFrom('x', 'y'),
        isPinned: fc.boolean(),
        until: fc.integer({ min: 0, max: 5 }),
      }),
      fc.record({ do: fc.constant('tag' as const), tag: fc.constantFrom('x', 'y') }),
      fc.record({ do: fc.constant('old' as const), now: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom('a', 'b', 'c') }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = createMemoryStore(4_000)
        for (const each of steps) {
          if (each.do === 'set')
            store.set(
              each.key,
              entry({
                text: 'x'.repeat(each.length),
                tags: [each.tag],
                isPinned: each.isPinned,
                staleUntil: each.until,
              }),
            )
          else if (each.do === 'tag') store.deleteTagged(each.tag)
          else if (each.do === 'old') store.deleteOld(each.now)
          else store.delete(each.key)
          const { bytes, entries } = store.usage()
          const found = ['a', 'b', 'c', 'd', 'e'].flatMap((key) => store.get(key) ?? [])
          expect(entries).toBe(found.length)
          expect(bytes).toBe(found.reduce((sum, { text }) => sum + 200 + 2 * (text.length + 2), 0))
          expect(bytes).toBeLessThanOrEqual(4_000)
          if (each.do === 'tag') expect(found.every(({ tags }) => tags[0] !== each.tag)).toBe(true)
          if (each.do === 'old') expect(found.every(({ staleUntil }) => staleUntil > each.now)).toBe(true)
        }
      }),
      { seed: 7, numRuns: process.env.PLINTH_TEST_LONG ? 5_000 : 200 },
    )
  })
})
