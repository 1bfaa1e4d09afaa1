import { describe, expect, it } from 'vitest'
import { createWaitingLine, type Turn } from './waiting-line.ts'

const turn: Turn = { project: 'shops', address: '192.0.2.1' }

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
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => line.run(turn, work(index))))
    expect(most).toBe(2)
    expect(order).toEqual(results)
  })

  it('turns away what finds no place, at once', async () => {
    const line = open(1, 1)
    const gate = Promise.withResolvers<string>()
    const first = line.run(turn, () => gate.promise)
    const second = line.run(turn, async () => 'second')
    await expect(line.run(turn, async () => 'third')).rejects.toThrow('full')
    gate.resolve('first')
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
    expect(await line.run(turn, async () => 'fourth')).toBe('fourth')
  })

  it('goes on after work that fails', async () => {
    const line = open(1, 5)
    const outcomes = await Promise.allSettled([
      line.run(turn, () => Promise.reject(new Error('broken'))),
      line.run(turn, async () => 'fine'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })

  describe('with more waiting than there are places', () => {
    const sample = (places: number) => {
      const line = open(1, places)
      const gate = Promise.withResolvers<void>()
      const served: string[] = []
      const outcomes = new Map<string, string>()
      const come = (project: string, address: string) => {
        const name = `${project} ${address}`
        const work = async () => void served.push(name)
        return line.run({ project, address }, work).catch((error: Error) => {
          outcomes.set(name, error.message)
        })
      }
      const finished = [line.run({ project: 'other', address: 'busy' }, () => gate.promise)]
      const crowd = (count: number, project: string, address: string) => {
        for (let index = 0; index < count; index += 1) finished.push(come(project, address))
      }
      const finish = async () => {
        gate.resolve()
        await Promise.all(finished)
        return served
      }
      return { crowd, finish, outcomes }
    }

    it('gives a place and the next turn to an address that does not crowd', async () => {
      const { crowd, finish } = sample(64)
      crowd(120, 'shops', 'attacker')
      crowd(1, 'shops', 'ada')
      crowd(1, 'courses', 'bob')
      const served = await finish()
      expect(served).toHaveLength(64)
      expect(served.slice(0, 4)).toContain('shops ada')
      expect(served.slice(0, 4)).toContain('courses bob')
    })

    it('keeps a place for other projects, from however many addresses one is attacked', async () => {
      const { crowd, finish, outcomes } = sample(64)
      for (let address = 0; address < 200; address += 1) crowd(1, 'shops', `attacker ${address}`)
      crowd(3, 'courses', 'bob')
      const served = await finish()
      expect(served.filter((name) => name === 'courses bob')).toHaveLength(3)
      expect(served.indexOf('courses bob')).toBeLessThan(2)
      expect(outcomes.has('courses bob')).toBe(false)
    })

    it('lets nobody push another of the same weight out', async () => {
      const { crowd, finish, outcomes } = sample(2)
      crowd(1, 'shops', 'ada')
      crowd(1, 'shops', 'bob')
      crowd(1, 'shops', 'carl')
      expect(await finish()).toEqual(['shops ada', 'shops bob'])
      expect([...outcomes]).toEqual([['shops carl', 'full']])
    })
  })
})
