import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import {
  idsIn,
  pageOf,
  readProvenIds,
  readTestTitles,
  renderIdsPage,
  systemsWithIds,
  titlesIn,
} from './requirement-ids.ts'

describe('docs/<system>-ids.md', async () => {
  const titles = await readTestTitles()
  it.each(await systemsWithIds())(
    '%s: lists each id with its tests (npm run docs writes it)',
    async (system) => {
      expect(await readFile(pageOf(system), 'utf8')).toBe(
        renderIdsPage(system, await readProvenIds(system, titles)),
      )
    },
  )
})

it('finds titles of tests within their blocks, and no ids in comments', () => {
  const text = `
    // X-D9
    describe('orders (X-B1)', () => {
      it.each(cases)('%s is refused (X-D10)', () => {})
      it(\`takes \${n} units\`, () => call('X-D2'))
    })
    describe('types (X-T2)', () => testDatabaseTypes({ test }))`
  const found = titlesIn('a.test.ts', text).map(({ title }) => title)
  expect(found).toEqual([
    'orders (X-B1) › %s is refused (X-D10)',
    'orders (X-B1) › takes … units',
    'types (X-T2)',
  ])
  expect(found.map(idsIn)).toEqual([['X-B1', 'X-D10'], ['X-B1'], ['X-T2']])
})
