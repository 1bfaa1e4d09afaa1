import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openFileStore } from './file-store.ts'
import { createLocks, platformLocks } from './locks.ts'
import { createMemoryStore } from './memory-store.ts'
import type { Store } from './store.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-store-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
const newFile = () => {
  files += 1
  return join(folder, String(files), 'entries')
}

describe.each<[string, () => Promise<Store>]>([
  ['memory', () => Promise.resolve(createMemoryStore())],
  ['file', () => openFileStore(newFile())],
])('a store in %s', (_, open) => {
  it('lists entries by prefix in the order of their keys', async () => {
    const store = await open()
    await store.write({
      set: [
        ['b/2', 2],
        ['b/10', 10],
        ['a', { deep: ['ü', null] }],
        ['b0', 0],
      ],
    })
    expect(await store.list('b/')).toEqual([
      ['b/10', 10],
      ['b/2', 2],
    ])
    expect(await store.get('a')).toEqual({ deep: ['ü', null] })
    expect(await store.get('nothing')).toBeUndefined()
    await store.close()
  })

  it('empties prefixes first, then removes, then sets', async () => {
    const store = await open()
    await store.write({
      set: [
        ['x/1', 1],
        ['x/2', 2],
        ['y', 3],
      ],
    })
    await store.write({
      removePrefixes: ['x/'],
      remove: ['y'],
      set: [
        ['x/3', 3],
        ['y', 4],
      ],
    })
    expect(await store.list('')).toEqual([
      ['x/3', 3],
      ['y', 4],
    ])
    await store.close()
  })

  it('writes nothing when its condition does not hold', async () => {
    const store = await open()
    expect(await store.write({ set: [['who', 'ada']] })).toBe(true)
    expect(await store.write({ set: [['a', 1]], onlyIf: { key: 'who', is: 'bob' } })).toBe(false)
    expect(await store.write({ set: [['a', 2]], onlyIf: { key: 'who', is: 'ada' } })).toBe(true)
    expect(await store.get('a')).toBe(2)
    await store.close()
  })

  it('keeps what it was given, not the object', async () => {
    const store = await open()
    const value = { n: 1 }
    await store.write({ set: [['a', value]] })
    value.n = 2
    const read = await store.get<{ n: number }>('a')
    read!.n = 3
    expect(await store.get('a')).toEqual({ n: 1 })
    await store.close()
  })
})

describe('a store in a file', () => {
  it('survives a restart at whatever byte the process was killed', async () => {
    const path = newFile()
    const store = await openFileStore(path)
    await store.write({ set: [['a', 1]] })
    await store.write({ set: [['b', 'é']] })
    const whole = (await readFile(path)).length
    await store.write({
      set: [
        ['a', 2],
        ['c', 'ü€'],
      ],
      remove: ['b'],
    })
    await store.close()
    const bytes = await readFile(path)
    for (let cut = whole; cut <= bytes.length; cut += 1) {
      await writeFile(path, bytes.subarray(0, cut))
      const again = await openFileStore(path)
      const entries = Object.fromEntries(await again.list(''))
      expect(entries).toEqual(cut < bytes.length ? { a: 1, b: 'é' } : { a: 2, c: 'ü€' })
      await again.write({ set: [['d', 4]] })
      await again.close()
      const third = await openFileStore(path)
      expect(await third.get('d')).toBe(4)
      await third.close()
    }
  })

  it('holds nothing any more of a prefix that was emptied', async () => {
    const path = newFile()
    const store = await openFileStore(path)
    await store.write({
      set: [
        ['copy/ada/1', 'her secret'],
        ['write/ada/1', 'kept'],
      ],
    })
    await store.write({ removePrefixes: ['copy/'] })
    await store.close()
    const text = await readFile(path, 'utf8')
    expect([text.includes('her secret'), text.includes('kept')]).toEqual([false, true])
  })

  it('is written anew when it has grown, and says where it is damaged', async () => {
    const path = newFile()
    const store = await openFileStore(path)
    for (let n = 0; n < 250; n += 1) await store.write({ set: [['n', n]] })
    await store.write({ set: [['m', 1]] })
    await store.close()
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(100)
    const again = await openFileStore(path)
    expect(Object.fromEntries(await again.list(''))).toEqual({ n: 249, m: 1 })
    await again.close()
    await appendFile(path, 'garbage\n')
    await expect(openFileStore(path)).rejects.toThrow(/is damaged/)
  })
})

describe('locks', () => {
  it('let one in after the other, also after a failure', async () => {
    const locks = createLocks()
    const events: string[] = []
    const hold = (name: string, fails = false) =>
      locks.hold('a', async () => {
        events.push(`${name} in`)
        await Promise.resolve()
        events.push(`${name} out`)
        if (fails) throw new Error('failed')
      })
    const outcomes = await Promise.allSettled([hold('1'), hold('2', true), hold('3')])
    expect(events).toEqual(['1 in', '1 out', '2 in', '2 out', '3 in', '3 out'])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('are asked for in browsers: without them two tabs would change one queue', () => {
    vi.stubGlobal('document', {})
    vi.stubGlobal('navigator', {})
    expect(() => platformLocks()).toThrow('secure context')
    vi.stubGlobal('navigator', { locks: { request: () => Promise.resolve() } })
    expect(() => platformLocks()).not.toThrow()
    vi.unstubAllGlobals()
  })

  it('are not given to who no longer waits', async () => {
    const locks = createLocks()
    const waiting = new AbortController()
    const { promise, resolve } = Promise.withResolvers<void>()
    const first = locks.hold('a', () => promise)
    const second = locks.hold('a', () => Promise.resolve('in'), waiting.signal)
    waiting.abort(new Error('gone'))
    resolve()
    await first
    await expect(second).rejects.toThrow('gone')
  })
})
