import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newKey, silentLog, systemClock } from '@plinth/platform/kernel'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openHeadsFile, readHeadsFile } from './keep-heads-file.ts'

const key = newKey()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-heads-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = (mostLines = 1_000) =>
  openHeadsFile({ folder, key, clock: systemClock, log: silentLog, mostLines })
const head = (sequence: number) => ({ sequence, hash: sequence.toString(16).padStart(64, '0') })
const read = async () =>
  [...(await readHeadsFile(folder, key))].map(([tenant, { sequence }]) => [tenant, sequence])

test('the last head of every chain is kept, over restarts; nothing noted, nothing written', async () => {
  expect(await read()).toEqual([])
  const first = await open()
  await first.flush()
  first.note(new Map([['a', head(1)]]))
  first.note(
    new Map([
      ['a', head(2)],
      ['', head(7)],
    ]),
  )
  await first.close()
  const second = await open()
  second.note(new Map([['a', head(3)]]))
  await second.close()
  expect(await read()).toEqual([
    ['a', 3],
    ['', 7],
  ])
})

test('a file that has grown long is written anew with what it says', async () => {
  const file = await open(3)
  for (let n = 1; n <= 8; n += 1) {
    file.note(new Map([[n % 2 === 0 ? 'even' : 'odd', head(n)]]))
    await file.flush()
  }
  await file.close()
  expect((await readFile(join(folder, 'heads'), 'utf8')).split('\n').length).toBeLessThan(6)
  expect(Object.fromEntries(await read())).toEqual({ odd: 7, even: 8 })
})

test('a line that the power cut short is left out, and the next one does not continue it', async () => {
  const first = await open()
  first.note(new Map([['ä', head(1)]]))
  await first.flush()
  first.note(new Map([['ä', head(2)]]))
  await first.close()
  const path = join(folder, 'heads')
  await writeFile(path, (await readFile(path, 'utf8')).slice(0, -3))
  expect(await read()).toEqual([['ä', 1]])
  const second = await open()
  second.note(new Map([['ä', head(3)]]))
  await second.close()
  expect(await read()).toEqual([['ä', 3]])
})

test('a file that was altered is put aside at the start and a new one begun', async () => {
  const first = await open()
  first.note(new Map([['a', head(1)]]))
  await first.close()
  const path = join(folder, 'heads')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"a",1', '"a",2'))
  await expect(read()).rejects.toMatchObject({ code: 'journal_heads_altered' })
  const second = await open()
  second.note(new Map([['a', head(5)]]))
  await second.close()
  expect(await read()).toEqual([['a', 5]])
})
