import { describe, expect, it } from 'vitest'
import { createRecall } from './recall.ts'

function openRecall() {
  const asked: PromiseWithResolvers<string>[] = []
  const state = { now: 0, isLive: true }
  const recall = createRecall<string>({
    load: () => {
      const answer = Promise.withResolvers<string>()
      asked.push(answer)
      return answer.promise
    },
    max: 10,
    maxAge: 100,
    isLive: () => state.isLive,
    elapsed: () => state.now,
  })
  return { recall, asked, state }
}

describe('what is recalled', () => {
  it('is read once, however many ask at the same time, and kept', async () => {
    const { recall, asked } = openRecall()
    const askers = Promise.all(Array.from({ length: 100 }, () => recall.get('a')))
    asked[0]!.resolve('value')
    expect(new Set(await askers)).toEqual(new Set(['value']))
    expect(await recall.get('a')).toBe('value')
    expect(asked).toHaveLength(1)
  })

  it('is never older than its age, counted from the moment at which its reading began', async () => {
    const { recall, asked, state } = openRecall()
    const first = recall.get('a')
    state.now = 90
    asked[0]!.resolve('old')
    await first
    expect(await recall.get('a')).toBe('old')
    state.now = 100
    const second = recall.get('a')
    asked[1]!.resolve('new')
    expect(await second).toBe('new')
  })

  it.each(['forget', 'forgetAll', 'forgetWhere'] as const)(
    'is not what was being read when %s came',
    async (way) => {
      const { recall, asked } = openRecall()
      const before = recall.get('a')
      if (way === 'forget') recall.forget('a')
      else if (way === 'forgetAll') recall.forgetAll()
      else recall.forgetWhere(() => false)
      const after = recall.get('a')
      asked[0]!.resolve('old')
      asked[1]!.resolve('new')
      expect([await before, await after, await recall.get('a')]).toEqual(['old', 'new', 'new'])
    },
  )

  it('is nothing while nobody would say that it changed', async () => {
    const { recall, asked, state } = openRecall()
    const first = recall.get('a')
    asked[0]!.resolve('1')
    await first
    state.isLive = false
    const second = recall.get('a')
    asked[1]!.resolve('2')
    expect(await second).toBe('2')
    state.isLive = true
    expect(await recall.get('a')).toBe('1')
  })

  it('is not a failure: the next who asks reads again', async () => {
    const { recall, asked } = openRecall()
    const first = recall.get('a')
    asked[0]!.reject(new Error('no'))
    await expect(first).rejects.toThrow('no')
    const second = recall.get('a')
    asked[1]!.resolve('yes')
    expect(await second).toBe('yes')
  })
})
