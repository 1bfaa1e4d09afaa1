import { describe, expect, it } from 'vitest'
import { createWaitingLine } from './waiting-line.ts'

describe('a waiting line', () => {
  const open = (atOnce: number, places: number) =>
    createWaitingLine({ atOnce, places, refusal: () => new Error('full') })

  it('runs no more at once than it may, in the order of arrival', async () => {
    const line = open(2, 100)
    const order: number[] = []
    let running = 0
    let most = 0
    const work = (index: number) => async () => {
      running += 1
      most = Math.max(most, running)
      order.push(index)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      return index
    }
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => line.run(work(index))))
    expect(most).toBe(2)
    expect(order).toEqual(results)
  })

  it('turns away what finds no place, at once', async () => {
    const line = open(1, 1)
    const gate = Promise.withResolvers<string>()
    const first = line.run(() => gate.promise)
    const second = line.run(async () => 'second')
    await expect(line.run(async () => 'third')).rejects.toThrow('full')
    gate.resolve('first')
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
    expect(await line.run(async () => 'fourth')).toBe('fourth')
  })

  it('goes on after work that fails', async () => {
    const line = open(1, 5)
    const outcomes = await Promise.allSettled([
      line.run(() => Promise.reject(new Error('broken'))),
      line.run(async () => 'fine'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })
})
