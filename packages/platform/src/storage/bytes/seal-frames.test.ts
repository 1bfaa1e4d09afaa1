import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ByteRange } from './byte-store.ts'
import { openFrames, sealFrames } from './seal-frames.ts'

const key = Buffer.alloc(32, 3)
const frame = 65_536

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}
async function* inChunks(bytes: Buffer, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
const sealed = (bytes: Buffer, length = 50_000) => collect(sealFrames(key, inChunks(bytes, length)))
const open = (bytes: Buffer, size: number, range?: ByteRange, with_ = key) =>
  collect(
    openFrames(
      with_,
      async ({ start, end }) => inChunks(bytes.subarray(start, end + 1), 30_000),
      size,
      range,
    ),
  )

describe('bytes at rest', () => {
  it.each([0, 1, frame - 1, frame, frame + 1, 3 * frame, 200_000])('of %d come back', async (size) => {
    const bytes = randomBytes(size)
    const stored = await sealed(bytes)
    expect(stored.includes(bytes.subarray(0, 16)) && size >= 16).toBe(false)
    expect((await open(stored, size)).equals(bytes)).toBe(true)
  })

  it('come back in any range', async () => {
    const bytes = randomBytes(3 * frame + 100)
    const stored = await sealed(bytes)
    const place = fc.oneof(
      fc.integer({ min: 0, max: bytes.length - 1 }),
      fc.constantFrom(frame - 1, frame, 2 * frame),
    )
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) }
        const part = await open(stored, bytes.length, range)
        expect(part.equals(bytes.subarray(range.start, range.end + 1))).toBe(true)
      }),
      { numRuns: 40, seed: 14 },
    )
  })

  it('are refused when a byte, the order or the end of them was changed, or the key is another', async () => {
    const bytes = randomBytes(2 * frame + 50)
    const stored = await sealed(bytes)
    const header = stored.length - bytes.length - 3 * 16
    const flipped = (at: number) => {
      const copy = Buffer.from(stored)
      copy[at]! ^= 1
      return copy
    }
    const [first, second] = [header + frame + 16, header + 2 * (frame + 16)]
    const swapped = Buffer.concat([
      stored.subarray(0, header),
      stored.subarray(first, second),
      stored.subarray(header, first),
      stored.subarray(second),
    ])
    for (const altered of [flipped(0), flipped(20), flipped(header + 5), flipped(stored.length - 1), swapped])
      await expect(open(altered, bytes.length)).rejects.toThrow()
    await expect(open(stored.subarray(0, second), 2 * frame)).rejects.toMatchObject({ code: 'bytes_damaged' })
    await expect(open(stored.subarray(0, first), bytes.length)).rejects.toMatchObject({
      code: 'bytes_damaged',
    })
    await expect(open(stored, bytes.length, undefined, Buffer.alloc(32, 4))).rejects.toMatchObject({
      code: 'seal_broken',
    })
    expect((await sealed(bytes)).equals(stored)).toBe(false)
  })
})
