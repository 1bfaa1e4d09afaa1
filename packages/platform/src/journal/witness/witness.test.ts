import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newKey, silentLog, systemClock } from '../../kernel/index.ts'
import { createWitness, readWitness } from './witness.ts'

const key = newKey()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-witness-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = () => createWitness({ folder, key, clock: systemClock, log: silentLog, mostLines: 5 })
const positionOf = (batch: number) => (batch === 0 ? null : `0/${batch}`)
const head = (sequence: number) => new Map([['shop', { sequence, hash: `${sequence}`.padStart(64, '0') }]])

test('what several processes write is one story, also when one of them writes the file anew', async () => {
  const nodes = [open(), open()]
  // The second one has looked before there was a file.
  await nodes[1]!.checkPublication({ query: async () => ({ rows: [] }) } as never)
  for (let batch = 1; batch <= 20; batch += 1) {
    const node = nodes[batch % 3 === 0 ? 1 : 0]!
    await node.storing(positionOf(batch - 1), positionOf(batch)!, head(batch))
    node.stored()
    await node.flush()
  }
  await Promise.all(nodes.map((node) => node.close()))
  const { state } = await readWitness({ folder, key })
  expect([state.position, state.heads.get('shop')?.sequence, state.findings]).toEqual(['0/20', 20, []])
})

test('an older file that is put in its place is not taken for one that was written anew', async () => {
  const node = open()
  await node.storing(null, '0/1', head(1))
  node.stored()
  await node.flush()
  const path = join(folder, 'witness')
  const older = await readFile(path)
  for (let batch = 2; batch <= 8; batch += 1) {
    await node.storing(positionOf(batch - 1), positionOf(batch)!, head(batch))
    node.stored()
    await node.flush()
  }
  await writeFile(path, older)
  await node.storing('0/8', '0/9', head(9))
  node.stored()
  await node.close()
  const { state } = await readWitness({ folder, key })
  expect([state.position, state.findings]).toEqual(['0/9', [{ kind: 'witness', what: 'altered' }]])
})
