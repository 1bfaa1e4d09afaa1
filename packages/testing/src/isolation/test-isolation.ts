import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRandom, sample } from '../random.ts'
import { superuserAddress } from '../test-database.ts'
import {
  type Bench,
  type IsolationOptions,
  isLeak,
  measureAll,
  openBench,
  tryMutations,
} from './measure-isolation.ts'
import { listMutations, type Mutation } from './mutations.ts'
import { readRights } from './read-rights.ts'
import { renderMatrix } from './render-matrix.ts'

/** Every mutation is tried with PLINTH_TEST_LONG=1; `npm test` tries a sample of this size. */
const sampleSize = 40
const isLong = process.env['PLINTH_TEST_LONG'] === '1'

/**
 * Defines the tests that prove a system's isolation: every table has row security; the matrix of role × table × verb ×
 * whose row is as committed; nobody reaches another tenant; and the matrix changes when somebody opens, drops or
 * disables what it rests on.
 */
export function testIsolation(options: IsolationOptions): void {
  const { test, matrix = 'isolation-matrix.txt' } = options
  let client: pg.Client
  let bench: Bench
  beforeAll(async () => {
    client = new pg.Client({ connectionString: superuserAddress(test.addresses) })
    await client.connect()
    bench = await openBench(client, options)
  })
  afterAll(() => client.end())

  it('every table has row security', async () => {
    const rights = await readRights(bench.client)
    expect(
      rights.filter(({ kind, guarded }) => kind === 'table' && !guarded).map(({ name }) => name),
    ).toEqual([])
  })

  it(`the matrix is that of ${matrix}, and nobody reaches another tenant`, async () => {
    const measured = await measureAll(bench)
    await expect(renderMatrix(measured)).toMatchFileSnapshot(matrix)
    expect(measured.attempts.filter((attempt) => isLeak(attempt, options))).toEqual([])
  })

  it('the matrix tells what was opened, dropped, given and taken', { timeout: 600_000 }, async () => {
    const every = await listMutations(client, await readRights(client))
    const tried = isLong ? every : sample(createRandom(1), every, sampleSize)
    const { missed, unmoved } = await tryMutations(bench, tried)
    const effective = tried.filter((mutation) => mutation.effective)
    const textOf = ({ statement }: Mutation) => statement
    if (isLong)
      process.stdout.write(
        `${test.database.system}: ${tried.length} mistakes tried, ${tried.length - missed.length} changed the matrix; ` +
          `${effective.length - unmoved.length} of ${effective.length} that give or take rows changed what was reached\n`,
      )
    expect(missed.map(textOf)).toEqual([])
    // A trigger may refuse what an opened policy would let pass: one in a hundred may leave the attempts as they were.
    expect(unmoved.length, unmoved.map(textOf).join('\n')).toBeLessThanOrEqual(
      Math.ceil(effective.length / 100),
    )
  })
}
