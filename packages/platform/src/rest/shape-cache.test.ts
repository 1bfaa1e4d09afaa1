import { describe, expect, test } from 'vitest'
import { type RawRequest, readRequest } from './request/read-request.ts'
import { createShapeCache, type ShapeCacheOptions } from './shape-cache.ts'
import { compileCall } from './sql/compile-call.ts'
import { compileTable } from './sql/compile-table.ts'
import { sampleCatalogue } from './tests/sample-catalogue.ts'

const settings = { maxRows: undefined, aggregates: true, safeUpdate: false }

function cacheOf(options: Partial<ShapeCacheOptions> = {}) {
  let compiled = 0
  const cache = createShapeCache({
    ...options,
    compile: (request, catalogue) => {
      compiled += 1
      return (request.isCall ? compileCall : compileTable)(request, catalogue, settings)
    },
  })
  const find = async (search: string, role = 'anon', body?: unknown, catalogue = sampleCatalogue) => {
    const raw: RawRequest = {
      method: body === undefined ? 'GET' : 'POST',
      kind: 'relation',
      name: 'items',
      search,
      header: () => null,
      readBody: async () => Buffer.from(JSON.stringify(body)),
    }
    const request = await readRequest(raw, { schemas: ['public'], maxRows: undefined, maxBody: 1e6 })
    return cache.find(request, catalogue, role).statement
  }
  return { cache, find, compiled: () => compiled }
}

describe('shapes', () => {
  test('are compiled once, with the values of each request', async () => {
    const { find, compiled } = cacheOf()
    expect((await find('id=eq.1&limit=5')).values).toEqual(['1', 5])
    expect((await find('id=eq.2&limit=6')).values).toEqual(['2', 6])
    expect(compiled()).toBe(1)
    await find('id=eq.1')
    await find('id=eq.1&limit=5', 'authenticated')
    expect(compiled()).toBe(3)
  })
  test('of bodies are their keys', async () => {
    const { find, compiled } = cacheOf()
    expect((await find('', 'anon', { id: 1, label: 'x' })).values).toEqual([
      Buffer.from('{"id":1,"label":"x"}'),
    ])
    await find('', 'anon', { id: 2, label: 'y' })
    expect(compiled()).toBe(1)
    await find('', 'anon', [{ id: 2, label: 'y' }])
    await find('', 'anon', { id: 2 })
    await find('columns=id,label', 'anon', [{ id: 2 }])
    await find('columns=id,label', 'anon', [{ label: 'z' }])
    expect(compiled()).toBe(4)
  })
  test('are bounded, the least used going first', async () => {
    const { cache, find } = cacheOf({ shapes: 10 })
    for (let n = 0; n < 50; n += 1) await find(`select=a${n}:id`)
    expect(cache.size).toBe(10)
  })
  test('are bounded in length as well as in number', async () => {
    const { cache, find } = cacheOf()
    for (let n = 0; n < 400; n += 1) await find(`id=in.(1)&select=${`a${n}${'b'.repeat(60_000)}`}:id`)
    expect(cache.size).toBeLessThan(150)
  })
  test('go when the catalogue changes', async () => {
    const { find, compiled } = cacheOf()
    await find('id=eq.1')
    await find('id=eq.1', 'anon', undefined, { ...sampleCatalogue })
    expect(compiled()).toBe(2)
  })
  test('that fail are not kept', async () => {
    const { cache, find } = cacheOf()
    await expect(find('select=nope')).rejects.toThrow('does not exist')
    expect(cache.size).toBe(0)
  })
})

describe('prepared statements', () => {
  test('are named when they repeat, apart for each role, and no more than allowed', async () => {
    const { find } = cacheOf({ preparedAfter: 3, names: 2 })
    const names = async (search: string, role?: string) => {
      const found: (string | undefined)[] = []
      for (let time = 0; time < 4; time += 1) found.push((await find(search, role)).name)
      return found
    }
    const [first, second, third, fourth] = await names('id=eq.1')
    expect([first, second]).toEqual([undefined, undefined])
    expect([third, fourth]).toEqual([expect.stringMatching(/^plinth_/), third])
    expect((await names('id=eq.1', 'authenticated')).at(-1)).not.toBe(third)
    expect((await names('id=gt.1')).at(-1)).toBeUndefined()
  })
  test('are not used up by one role', async () => {
    const { find } = cacheOf({ preparedAfter: 1, names: 4 })
    const name = async (search: string, role: string) => (await find(search, role)).name
    const anonymous = []
    for (let n = 0; n < 5; n += 1) anonymous.push(await name(`select=a${n}:id`, 'anon'))
    expect(anonymous.filter(Boolean)).toHaveLength(2)
    expect(await name('id=eq.1', 'authenticated')).toBeDefined()
  })
  test('are off for poolers', async () => {
    const { find } = cacheOf({ preparedAfter: 0 })
    for (let time = 0; time < 9; time += 1) expect((await find('id=eq.1')).name).toBeUndefined()
  })
})
