import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createConnectionShares, type Place } from './connection-shares.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What became of each request, by its name: it waits, works, left, was taken back, or failed with a code. */
function open(connections = 10) {
  const shares = createConnectionShares({ system: 'sample', connections })
  const states = new Map<string, string>()
  const places = new Map<string, Place>()
  const leave = (name: string) => {
    places.get(name)?.leave()
    places.delete(name)
    if (states.get(name) === 'works') states.set(name, 'left')
  }
  const ask = (
    key: string,
    name: string,
    { weight = 1, reads = true, signal = undefined as AbortSignal | undefined } = {},
  ) => {
    const takeBack = () => {
      states.set(name, 'taken')
      leave(name)
    }
    const request = { key, weight, ...(reads ? { takeBack } : {}) }
    const work = (place: Place) => {
      states.set(name, 'works')
      places.set(name, place)
    }
    const place = shares.tryEnter(request)
    if (place) return work(place)
    states.set(name, 'waits')
    shares.enter(request, signal).then(work, (error) => states.set(name, error.code))
  }
  const askOften = (key: string, count: number, options = {}) => {
    for (let index = 0; index < count; index++) ask(key, `${key}${index}`, options)
  }
  const count = (key: string, state: string) =>
    [...states].filter(([name, is]) => name.startsWith(key) && is === state).length
  const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds)
  return { shares, ask, askOften, leave, count, pass }
}

describe('shares of the connections', () => {
  it('do not bind while nobody waits: one user may have all', () => {
    const { askOften, count, shares } = open()
    askOften('ada', 10)
    expect(count('ada', 'works')).toBe(10)
    expect(shares.usage()).toEqual({ busy: 10, waiting: 0 })
  })

  it('give a free connection to the key that holds least', async () => {
    const { ask, askOften, leave, count, pass } = open()
    askOften('ada', 20)
    ask('ben', 'ben')
    leave('ada0')
    await pass(0)
    expect(count('ben', 'works')).toBe(1)
    expect(count('ada', 'works')).toBe(9)
  })

  it('end long reads of who has too much once another has waited, and no more than are wanted', async () => {
    const { ask, askOften, count, pass } = open()
    askOften('ada', 10)
    await pass(2_000)
    ask('ben', 'ben')
    await pass(50)
    expect(count('ben', 'waits')).toBe(1)
    await pass(100)
    expect(count('ben', 'works')).toBe(1)
    expect(count('ada', 'taken')).toBe(1)
  })

  it('end nothing that has run for less than a second', async () => {
    const { ask, askOften, count, pass } = open()
    askOften('ada', 10)
    ask('ben', 'ben')
    await pass(900)
    expect(count('ada', 'taken')).toBe(0)
    await pass(200)
    expect(count('ben', 'works')).toBe(1)
  })

  it('bind for a while after somebody waited, so that the next does not', async () => {
    const { ask, askOften, leave, count, pass } = open()
    askOften('ada', 30)
    await pass(1_200)
    ask('ben', 'ben1')
    await pass(200)
    expect(count('ben', 'works')).toBe(1)
    for (let index = 0; index < 9; index++) leave(`ada${index}`)
    await pass(0)
    expect(count('ada', 'works')).toBe(5)
    leave('ben1')
    ask('ben', 'ben2')
    expect(count('ben2', 'works')).toBe(1)
    leave('ben2')
    expect(count('ada', 'works')).toBe(5)
  })

  it('stop to bind when nobody else has come for five seconds', async () => {
    const { ask, askOften, leave, count, pass } = open()
    askOften('ada', 10)
    await pass(1_200)
    ask('ben', 'ben')
    await pass(200)
    leave('ben')
    await pass(4_500)
    for (let index = 0; index < 10; index++) ask('ada', `ada again ${index}`)
    expect(count('ada', 'works')).toBe(9)
    await pass(1_000)
    expect(count('ada', 'works')).toBe(10)
  })

  it('never end work that may write, but keep two connections from it', async () => {
    const { ask, askOften, count, pass } = open()
    askOften('ada', 20, { reads: false })
    expect(count('ada', 'works')).toBe(8)
    ask('ben', 'ben')
    expect(count('ben', 'works')).toBe(1)
    await pass(3_000)
    expect(count('ada', 'taken')).toBe(0)
  })

  it('give a key by its weight', async () => {
    const { askOften, ask, count, pass } = open()
    askOften('service', 20, { weight: 5, reads: false })
    askOften('ada', 10)
    expect(count('service', 'works')).toBe(8)
    await pass(200)
    ask('ben', 'ben')
    await pass(1_500)
    expect(count('ben', 'works')).toBe(1)
    expect(count('ada', 'works')).toBe(1)
  })

  it('refuse who has waited for five seconds, and forget who goes', async () => {
    const { ask, askOften, count, pass, shares } = open()
    askOften('ada', 10, { reads: false })
    askOften('ben', 2, { reads: false })
    ask('eve', 'eve')
    const leaving = new AbortController()
    ask('fay', 'fay', { signal: leaving.signal })
    leaving.abort()
    await pass(0)
    expect(count('fay', 'client_gone')).toBe(1)
    await pass(5_100)
    expect(count('eve', 'database_busy')).toBe(1)
    expect(shares.usage()).toEqual({ busy: 10, waiting: 0 })
  })

  it('serve a thousand keys that all wait in their order, each soon', async () => {
    const { ask, askOften, leave, count, pass } = open()
    askOften('ada', 10)
    for (let index = 0; index < 1_000; index++) ask(`user${index}`, `user${index}`)
    await pass(200)
    for (let index = 0; index < 10; index++) leave(`ada${index}`)
    for (let index = 0; index < 1_000; index++) {
      await pass(0)
      leave(`user${index}`)
    }
    expect(count('user', 'left')).toBe(1_000)
  })
})
