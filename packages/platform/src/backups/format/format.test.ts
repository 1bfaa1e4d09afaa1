import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNamedFolder, type NamedStore } from '../../storage/index.ts'
import { decodeField, encodeField, linesOf, wholeLines } from './copy-text.ts'
import type { Frame } from './frames.ts'
import { createKeyRing } from './key-ring.ts'
import { openIndex, readManifest, writeManifest } from './manifest.ts'
import { fileOf, partOf } from './names.ts'
import { readPart, writeParts } from './parts.ts'
import { createRowHash } from './row-hash.ts'

const id = '6f1d9a52-5c0a-4f6e-9b7d-0d9a1f6e2c11'
const key = Buffer.alloc(32, 5)
let folder: string
let store: NamedStore
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-format-'))
  store = createNamedFolder(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function* of<T>(...items: readonly T[]) {
  yield* items
}
const collect = async <T>(source: AsyncIterable<T>) => {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

describe('text of COPY', () => {
  it('any value comes back', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ unit: 'binary', maxLength: 40 }), { nil: null }), (value) => {
        const field = encodeField(value)
        return !/[\t\n]/.test(field) && decodeField(field) === value
      }),
      { numRuns: 200, seed: 15 },
    )
    expect([null, '', '\\N', '\\'].map(encodeField)).toEqual(['\\N', '', '\\\\N', '\\\\'])
  })

  it('is cut where rows end, however it comes', async () => {
    const text = Buffer.from('a\tb\n\nlonger line\tü\nlast\n')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (length) => {
        const chunks = []
        for (let at = 0; at < text.length; at += length) chunks.push(text.subarray(at, at + length))
        const pieces = await collect(wholeLines(of(...chunks)))
        expect(Buffer.concat(pieces)).toEqual(text)
        expect(pieces.flatMap((piece) => [...linesOf(piece)].map(String))).toEqual([
          'a\tb',
          '',
          'longer line\tü',
          'last',
        ])
      }),
      { numRuns: 20, seed: 15 },
    )
    await expect(collect(wholeLines(of(Buffer.from('half'))))).rejects.toThrow('in the middle')
  })
})

it('the hash of a table has no order, and follows what changes', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (rows, gone) => {
      const [one, two] = [createRowHash(), createRowHash()]
      for (const row of [...rows, ...gone]) one.add(row)
      for (const row of gone) one.remove(row)
      for (const row of rows.toReversed()) two.add(Buffer.from(row))
      expect(createRowHash(one.value()).value()).toEqual(two.value())
      two.add('one more')
      expect(two.value()).not.toEqual(one.value())
    }),
    { numRuns: 60, seed: 15 },
  )
})

const header = { table: 'public.items', as: 'rows', columns: ['id'], key: ['id'], personal: [] } as const
const rowsFrame = (bytes: number): Frame => ({
  kind: 'rows',
  lines: Buffer.from(`${randomBytes(bytes).toString('base64')}\n`),
})

describe('parts', () => {
  const write = (frames: readonly Frame[], name: string, fullFrom?: number) =>
    writeParts(of(...frames), {
      store,
      backup: id,
      key,
      nameOf: (n) => partOf(`${name}.json`, n),
      ...(fullFrom ? { fullFrom } : {}),
    })
  const read = (entry: Awaited<ReturnType<typeof write>>[number], number: number, with_ = key) =>
    collect(readPart(store, entry, { backup: id, number, key: with_ }))

  it('are many where the content is large, each opened by itself, going on with its table', async () => {
    const frames: Frame[] = [
      { kind: 'table', header },
      ...Array.from({ length: 12 }, () => rowsFrame(300_000)),
      { kind: 'end' },
    ]
    const parts = await write(frames, 'large/backup', 1_000_000)
    expect(parts.length).toBeGreaterThan(2)
    const found = await Promise.all(parts.map((part, place) => read(part, place + 1)))
    for (const own of found) expect(own[0]).toEqual({ kind: 'table', header })
    const rows = (given: readonly Frame[]) =>
      Buffer.concat(given.flatMap((each) => (each.kind === 'rows' ? [each.lines] : [])))
    expect(rows(found.flat()).equals(rows(frames))).toBe(true)
    await expect(read(parts[0]!, 2)).rejects.toMatchObject({ code: 'backup_damaged' })
    await expect(read({ ...parts[0]!, name: parts[1]!.name }, 1)).rejects.toMatchObject({
      code: 'backup_damaged',
    })
    await expect(read(parts[0]!, 1, Buffer.alloc(32, 6))).rejects.toMatchObject({ code: 'backup_damaged' })
    await expect(read({ ...parts[0]!, name: 'large/missing' }, 1)).rejects.toMatchObject({
      code: 'backup_part_missing',
    })
  })

  it('stop with what failed: the source, or the place', async () => {
    const failing = async function* (): AsyncIterable<Frame> {
      yield { kind: 'table', header }
      throw new Error('the database is gone')
    }
    const options = { store, backup: id, key, nameOf: (n: number) => `failing/backup.part-${n}` }
    await expect(writeParts(failing(), options)).rejects.toThrow('the database is gone')
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const broken = (error: Error): NamedStore => ({
      ...store,
      put: async (_, source) => {
        for await (const _chunk of source) throw error
        return 0
      },
    })
    const frames = () => of<Frame>({ kind: 'table', header }, rowsFrame(3_000_000), { kind: 'end' })
    await expect(writeParts(frames(), { ...options, store: broken(full) })).rejects.toMatchObject({
      code: 'backup_place_full',
    })
    await expect(
      writeParts(frames(), { ...options, store: broken(new Error('refused')) }),
    ).rejects.toMatchObject({ code: 'backup_place_gone' })
    expect((await readdir(folder)).includes('failing')).toBe(false)
  })
})

describe('a manifest', () => {
  const [ring, other] = [createKeyRing([Buffer.alloc(32, 1)]), createKeyRing([Buffer.alloc(32, 2)])]
  const index = { tables: {}, migrations: ['zoo/001'], sequences: {}, gaps: 1, schemaChange: 2 }
  const make = (by = ring) => {
    const { key: dataKey, wrapped } = by.newDataKey(id)
    const facts = {
      id,
      system: 'zoo',
      tenant: 'a',
      kind: 'full',
      trigger: 'manual',
      label: null,
      takenAt: '2026-01-15T12:00:00.000Z',
      sequence: 3,
    } as const
    return writeManifest(
      { ...facts, base: null, previous: null, parts: [], key: wrapped, index },
      dataKey,
      by,
    )
  }

  it('is opened with the key that made it, also when that is an old one', () => {
    const { bytes } = make()
    expect(openIndex(readManifest(bytes, ring), ring).index).toEqual(index)
    const rotated = createKeyRing([Buffer.alloc(32, 2), Buffer.alloc(32, 1)])
    expect(openIndex(readManifest(bytes, rotated), rotated).index).toEqual(index)
    expect(() => readManifest(bytes, other)).toThrow(expect.objectContaining({ code: 'backup_wrong_key' }))
    expect(bytes.toString()).not.toContain('zoo/001')
  })

  it('is refused when anything in it was changed, or another key of the ring is said to have signed it', () => {
    const { bytes } = make()
    const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>
    for (const name of Object.keys(parsed).filter((each) => each !== 'signature')) {
      const changed = { ...parsed, [name]: name === 'tenant' ? 'b' : name === 'sequence' ? 4 : 'x' }
      expect(() => readManifest(Buffer.from(JSON.stringify(changed)), ring)).toThrow(
        expect.objectContaining({ code: 'backup_damaged' }),
      )
    }
    const both = createKeyRing([Buffer.alloc(32, 1), Buffer.alloc(32, 2)])
    const signature = { ...(parsed.signature as object), keyId: other.ids[0] }
    expect(() => readManifest(Buffer.from(JSON.stringify({ ...parsed, signature })), both)).toThrow(
      expect.objectContaining({ code: 'backup_damaged' }),
    )
    expect(() => readManifest(Buffer.from('{'), ring)).toThrow(
      expect.objectContaining({ code: 'backup_damaged' }),
    )
  })
})

it('a tenant’s name leads to no other folder', () => {
  const names = [
    '',
    '..',
    'a/b',
    '.hidden',
    'Größe',
    'a'.repeat(300),
    '=unowned',
    '6f1d9a52-5c0a-4f6e-9b7d-0d9a1f6e2c11',
  ]
  const files = names.map((name) => fileOf(name, new Date(0), id))
  expect(new Set(files.map((file) => file.split('/')[0])).size).toBe(names.length)
  for (const file of files)
    expect(file).toMatch(/^[A-Za-z0-9=_-]+\/backup-[A-Za-z0-9=_.-]+-19700101T000000Z-6f1d9a52\.json$/)
  expect(partOf(files[0]!, 3)).toMatch(/\.part-0003$/)
})
