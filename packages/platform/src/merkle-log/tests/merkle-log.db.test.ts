import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { sql } from '@plinth/platform/database'
import { silentLog, systemClock } from '@plinth/platform/kernel'
import { asSuperuser, useTestDatabase } from '@plinth/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMerkleLog, type MerkleLog } from '../create-log.ts'
import { openHead, signHead } from '../heads/checkpoint.ts'
import { readMerkleLogMigrations } from '../migrations.ts'
import { leafHash } from '../tree/hashing.ts'
import { growTree, nodesAmong } from '../tree/nodes.ts'
import { verifyConsistency, verifyInclusion } from '../tree/proofs.ts'
import { identityOf } from './identity.ts'

const test = useTestDatabase({ migrations: [readMerkleLogMigrations()] })
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-merkle-'))
})
afterAll(() => rm(folder, { recursive: true }))

const open = (name: string, more: { folder?: string; copyFolder?: string } = {}): MerkleLog =>
  createMerkleLog({
    ...{ name, identity: identityOf(name), database: test.database, folder, ...more },
    ...{ clock: systemClock, log: silentLog },
  })
const leafOf = (name: string, index: number) => leafHash(Buffer.from(`${name} ${index}`))
const appendTo = (log: MerkleLog, name: string, count: number) =>
  log.append(async (_transaction, first) => ({
    leaves: Array.from({ length: count }, (_, at) => leafOf(name, first + at)),
    result: first,
  }))
const asOwner = (text: string) => test.database.asOwner({ text })
/** What the database's owner does who means it: the trigger against mistakes is in nobody's way. */
const tamper = (text: string) =>
  asSuperuser(
    test.addresses,
    `set session_replication_role = replica; ${text}; set session_replication_role = default`,
  )
const idOf = (name: string) => `(select id from plinth.merkle_logs where name = '${name}')`

describe('a log', () => {
  it('has its leaves in the order of its appends, however many append at once, and proves each', async () => {
    const nodes = [open('busy'), open('busy'), open('busy')]
    const counts = Array.from({ length: 30 }, (_, at) => 1 + (at % 7))
    const firsts = await Promise.all(counts.map((count, at) => appendTo(nodes[at % 3]!, 'busy', count)))
    const size = counts.reduce((sum, count) => sum + count, 0)
    const taken = firsts.flatMap(({ result }, at) =>
      Array.from({ length: counts[at]! }, (_, more) => result + more),
    )
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, at) => at))
    const log = open('busy')
    const head = (await log.head())!
    expect(head.size).toBe(size)
    expect(openHead(head.note, log.identity.verifier)).toEqual(head)
    const proofs = await log.proveLeaves(Array.from({ length: size }, (_, at) => at))
    const isProven = proofs.map(({ index, path }) =>
      verifyInclusion({ leaf: leafOf('busy', index), index, size, root: head.root, path }),
    )
    expect(new Set(isProven)).toEqual(new Set([true]))
    for (const { head: former } of firsts) {
      const { path } = await log.proveGrowth(former!.size)
      expect(verifyConsistency({ former: former!, later: head, path })).toBe(true)
    }
    expect(await log.audit()).toEqual([])
    await expect(log.proveLeaves([size])).rejects.toMatchObject({ code: 'no_such_leaf' })
    await expect(log.proveGrowth(size + 1)).rejects.toMatchObject({ code: 'no_such_leaf' })
  })

  it('is read while others append, and nobody takes that for an alteration', async () => {
    const log = open('read')
    await appendTo(log, 'read', 1)
    let isOver = false
    const readers = [open('read'), open('read')].map(async (reader) => {
      for (let reads = 0; !isOver || reads < 5; reads += 1) {
        const head = (await reader.head())!
        await reader.proveLeaves([head.size - 1], head)
        await reader.proveGrowth(1)
      }
    })
    for (let appends = 0; appends < 25; appends += 1) await appendTo(log, 'read', 2)
    isOver = true
    await Promise.all(readers)
    expect((await log.head())!.size).toBe(51)
  })

  it('costs at most two rows per leaf, and a proof as many rows as the tree is high', async () => {
    const log = open('costs')
    await appendTo(log, 'costs', 1_000)
    const { rows } = await test.database.asOwner<{ count: number }>(
      sql`select count(*)::int as count from plinth.merkle_nodes n join plinth.merkle_logs l on l.id = n.log and l.name = 'costs'`,
    )
    expect(rows[0]!.count).toBeLessThan(2_000)
    expect((await log.proveLeaves([612]))[0]!.path.length).toBeLessThanOrEqual(10)
    expect(await log.leaves([998, 5_000])).toEqual([leafOf('costs', 998), leafOf('costs', 999)])
  })

  it('keeps nothing of an append that failed, and an append of nothing makes no head', async () => {
    const log = open('failing')
    expect(await log.head()).toBeUndefined()
    await expect(log.proveLeaves([0])).rejects.toMatchObject({ code: 'no_such_leaf' })
    await appendTo(log, 'failing', 3)
    const failure = log.append(async (transaction) => {
      await transaction.query(sql`select pg_terminate_backend(pg_backend_pid())`)
      return { leaves: [leafOf('failing', 3)], result: undefined }
    })
    await expect(failure).rejects.toThrow()
    expect((await appendTo(log, 'failing', 0)).head).toBeUndefined()
    expect((await log.head())!.size).toBe(3)
    expect(await log.audit()).toEqual([])
  })

  it('survives kill -9 at any moment: every head that was given out is one of the log', async () => {
    const program = join(import.meta.dirname, 'append-forever.ts')
    const input = JSON.stringify({ addresses: test.addresses, folder })
    const sizes: number[] = []
    const rounds = process.env['PLINTH_TEST_LONG'] ? 8 : 1
    for (let round = 0; round < rounds; round += 1) {
      const child = spawn(process.execPath, [program, input], { stdio: ['ignore', 'pipe', 'inherit'] })
      for await (const line of createInterface({ input: child.stdout! })) {
        sizes.push(Number(line))
        if (sizes.length % 7 === 0) break
      }
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    const log = open('killed')
    await log.catchUp()
    expect(await log.audit()).toEqual([])
    expect((await log.head())!.size).toBeGreaterThanOrEqual(sizes.at(-1)!)
    for (const size of sizes) await log.proveGrowth(size)
    expect((await appendTo(log, 'killed', 1)).head!.size % 3).toBe(1)
  })
})

describe('an owner of the database', () => {
  it('cannot change or remove leaves by mistake', async () => {
    await appendTo(open('mistaken'), 'mistaken', 3)
    for (const text of [
      'update plinth.merkle_nodes set hash = hash',
      'delete from plinth.merkle_heads',
      'truncate plinth.merkle_nodes',
    ])
      await expect(asOwner(text)).rejects.toMatchObject({ code: '42501' })
  })

  it('who rewrites a leaf is found, by the proof and by the audit', async () => {
    const log = open('rewritten')
    await appendTo(log, 'rewritten', 21)
    await tamper(
      `update plinth.merkle_nodes set hash = sha256('x') where log = ${idOf('rewritten')} and level = 0 and index = 4`,
    )
    await expect(log.proveLeaves([4])).rejects.toMatchObject({ code: 'log_altered' })
    expect(await log.audit()).toContainEqual({ kind: 'node', what: '1/2' })
    // A leaf at the right edge is found by the next append already.
    await tamper(
      `update plinth.merkle_nodes set hash = sha256('x') where log = ${idOf('rewritten')} and level = 0 and index = 20`,
    )
    await expect(appendTo(log, 'rewritten', 1)).rejects.toMatchObject({ code: 'log_altered' })
  })

  it('who exchanges two leaves is found', async () => {
    const log = open('reordered')
    await appendTo(log, 'reordered', 9)
    await tamper(`
      update plinth.merkle_nodes n set hash = o.hash from plinth.merkle_nodes o
      where n.log = ${idOf('reordered')} and o.log = n.log and n.level = 0 and o.level = 0 and (n.index, o.index) in ((2, 3), (3, 2))`)
    await expect(log.proveLeaves([2])).rejects.toMatchObject({ code: 'log_altered' })
    expect((await log.audit()).map(({ kind }) => kind)).toContain('node')
  })

  it('who rebuilds a whole log of other leaves has no signature for it', async () => {
    const log = open('rebuilt')
    await appendTo(log, 'rebuilt', 6)
    const tree = growTree(0, nodesAmong([]))
    const nodes = Array.from({ length: 6 }, (_, at) => tree.append(leafOf('other', at))).flat()
    const values = nodes.map(
      ({ level, index, hash }) => `(${level}, ${index}, '\\x${hash.toString('hex')}'::bytea)`,
    )
    await tamper(`
      update plinth.merkle_nodes n set hash = v.hash from (values ${values.join(', ')}) v (level, index, hash)
      where n.log = ${idOf('rebuilt')} and n.level = v.level and n.index = v.index`)
    await expect(appendTo(log, 'rebuilt', 1)).rejects.toMatchObject({
      code: 'log_altered',
      message: expect.stringContaining('not those of its signed head'),
    })
    const forged = signHead({ size: 6, root: tree.root() }, identityOf('somebody'))
    await tamper(`
      update plinth.merkle_heads set root = '\\x${tree.root().toString('hex')}', note = '${forged.note}' where log = ${idOf('rebuilt')}`)
    await expect(log.head()).rejects.toMatchObject({ message: expect.stringContaining('no signed head') })
    expect((await log.audit()).map(({ kind }) => kind)).toContain('copy')
  })

  it('who cuts off the end, or restores an older database, gets the leaves back from the copy', async () => {
    const log = open('cut')
    await appendTo(log, 'cut', 10)
    await appendTo(log, 'cut', 7)
    const head = (await log.head())!
    await tamper(`
      delete from plinth.merkle_heads where log = ${idOf('cut')} and size > 10;
      delete from plinth.merkle_nodes where log = ${idOf('cut')} and (index + 1) * (1::bigint << level) > 10;
      update plinth.merkle_logs set size = 10 where name = 'cut'`)
    const other = open('cut')
    expect(await other.audit()).toEqual([{ kind: 'copy', what: '17' }])
    const { result, head: later } = await appendTo(other, 'cut', 1)
    expect([result, later!.size]).toEqual([17, 18])
    const { path } = await other.proveGrowth(17)
    expect(verifyConsistency({ former: head, later: later!, path })).toBe(true)
    expect(await other.audit()).toEqual([])
  })
})

describe('the copy outside the database', () => {
  it('has every head and leaf, in both places', async () => {
    const copyFolder = join(folder, 'elsewhere')
    const log = open('copied', { copyFolder })
    await appendTo(log, 'copied', 4)
    await appendTo(log, 'copied', 3)
    for (const place of [folder, copyFolder]) {
      const lines = (await readFile(join(place, 'copied.heads'), 'utf8')).trim().split('\n')
      expect(lines.map((line) => JSON.parse(line).size)).toEqual([4, 7])
      const leaves = await readFile(join(place, 'copied.leaves'))
      expect(leaves).toEqual(Buffer.concat(Array.from({ length: 7 }, (_, at) => leafOf('copied', at))))
    }
  })

  it('is brought up to date after a process that ended before it had written it', async () => {
    const place = join(folder, 'late')
    await appendTo(open('late', { folder: place }), 'late', 2)
    await cp(place, join(folder, 'before'), { recursive: true })
    await appendTo(open('late', { folder: place }), 'late', 3)
    const late = open('late', { folder: join(folder, 'before') })
    await late.catchUp()
    expect(await readFile(join(folder, 'before', 'late.leaves'))).toEqual(
      await readFile(join(place, 'late.leaves')),
    )
    expect(late.copyProblem()).toBeUndefined()
  })

  it('that was altered is not believed, and says so', async () => {
    const place = join(folder, 'altered')
    await appendTo(open('altered', { folder: place }), 'altered', 2)
    const path = join(place, 'altered.heads')
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace('"size":2', '"size":9').replace('\\n2\\n', '\\n9\\n'),
    )
    const log = open('altered', { folder: place })
    await appendTo(log, 'altered', 1)
    expect(log.copyProblem()).toBe('a copy of a head does not hold')
    expect((await log.head())!.size).toBe(3)
  })

  it('whose leaves do not lead to its head brings nothing back', async () => {
    const place = join(folder, 'swapped')
    const log = open('swapped', { folder: place })
    await appendTo(log, 'swapped', 3)
    await writeFile(join(place, 'swapped.leaves'), Buffer.alloc(96, 7))
    await tamper(`
      delete from plinth.merkle_heads where log = ${idOf('swapped')};
      delete from plinth.merkle_nodes where log = ${idOf('swapped')};
      update plinth.merkle_logs set size = 0 where name = 'swapped'`)
    await expect(appendTo(open('swapped', { folder: place }), 'swapped', 1)).rejects.toMatchObject({
      message: expect.stringContaining('the copy does not continue it'),
    })
  })

  it('tells two logs of one name apart: a split view is two signed heads that no proof joins', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')]
    const log = open('split', { folder: one })
    await appendTo(log, 'split', 5)
    const shown = (await log.head())!
    await tamper(`
      delete from plinth.merkle_heads where log = ${idOf('split')};
      delete from plinth.merkle_nodes where log = ${idOf('split')};
      update plinth.merkle_logs set size = 0 where name = 'split'`)
    // Somebody who has the key as well, and no copy of the first log, shows another one to others.
    const other = open('split', { folder: two })
    await appendTo(other, 'other', 8)
    const { path } = await other.proveGrowth(5)
    expect(verifyConsistency({ former: shown, later: (await other.head())!, path })).toBe(false)
    // The first one's copy does not let it go on.
    await expect(appendTo(open('split', { folder: one }), 'split', 1)).rejects.toMatchObject({
      message: expect.stringContaining('not those that were copied'),
    })
  })
})
