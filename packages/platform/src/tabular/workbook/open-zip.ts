import type { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { WorkbookProblem } from './workbook-problem.ts'

/** Bytes that can be read anywhere: a file, or what came from a stream. */
export interface RandomAccess {
  readonly size: number
  read(at: number, length: number): Promise<Buffer>
  /** The bytes of a stretch in their order. */
  stream(at: number, length: number): Readable
}

/** The files in a zip archive. */
export interface Zip {
  has(name: string): boolean
  /** The unpacked bytes of a file, in pieces. Fails with {@link WorkbookProblem} where it is damaged or unpacks to too much. */
  read(name: string): AsyncGenerator<Buffer>
}

/** The parts of the format (PKWARE's APPNOTE, 4.3) that are read. Numbers are little-endian. */
const endOfDirectory = { signature: 0x06054b50, length: 22, longestComment: 65_535 }
const directoryEntry = { signature: 0x02014b50, length: 46 }
const localHeader = { signature: 0x04034b50, length: 30 }
const stored = 0
const deflated = 8
const encrypted = 0x1

/** Files of an archive: a workbook has some dozens. */
const mostEntries = 10_000
/** Bytes that one file may unpack to, whatever the archive says: a million rows are a tenth of it. */
const mostUnpacked = 4 * 1024 ** 3

interface Entry {
  readonly method: number
  readonly flags: number
  readonly packed: number
  readonly unpacked: number
  readonly at: number
}

/** Reads the directory of an archive, which stands at its end. Fails with {@link WorkbookProblem}. */
export async function openZip(source: RandomAccess): Promise<Zip> {
  const entries = await readDirectory(source)
  return {
    has: (name) => entries.has(name.toLowerCase()),
    read: (name) => {
      const entry = entries.get(name.toLowerCase())
      if (!entry) throw new WorkbookProblem(`has no ${name}`)
      return unpack(source, entry, name)
    },
  }
}

async function readDirectory(source: RandomAccess): Promise<ReadonlyMap<string, Entry>> {
  const tail = Math.min(source.size, endOfDirectory.length + endOfDirectory.longestComment)
  const end = await source.read(source.size - tail, tail)
  const at = end.lastIndexOf(signatureOf(endOfDirectory.signature))
  if (at < 0 || at + endOfDirectory.length > end.length)
    throw new WorkbookProblem('ends in the middle of its data')
  const count = end.readUInt16LE(at + 10)
  const [length, offset] = [end.readUInt32LE(at + 12), end.readUInt32LE(at + 16)]
  if (count > mostEntries || length > source.size || offset + length > source.size)
    throw new WorkbookProblem('has a directory that cannot be right')
  const directory = await source.read(offset, length)
  const entries = new Map<string, Entry>()
  let place = 0
  for (let index = 0; index < count; index += 1) {
    if (
      place + directoryEntry.length > directory.length ||
      directory.readUInt32LE(place) !== directoryEntry.signature
    )
      throw new WorkbookProblem('has a directory that cannot be right')
    const [name, extra, comment] = [28, 30, 32].map((field) => directory.readUInt16LE(place + field))
    const start = place + directoryEntry.length
    // Names of a workbook's parts are compared without regard to case (ECMA-376, part 2, 6.2.2.3).
    entries.set(directory.toString('utf8', start, start + name!).toLowerCase(), {
      flags: directory.readUInt16LE(place + 8),
      method: directory.readUInt16LE(place + 10),
      packed: directory.readUInt32LE(place + 20),
      unpacked: directory.readUInt32LE(place + 24),
      at: directory.readUInt32LE(place + 42),
    })
    place = start + name! + extra! + comment!
  }
  return entries
}

async function* unpack(source: RandomAccess, entry: Entry, name: string): AsyncGenerator<Buffer> {
  const { method, flags, packed, at } = entry
  if (flags & encrypted) throw new WorkbookProblem('is protected by a password')
  if (method !== stored && method !== deflated)
    throw new WorkbookProblem(`packs ${name} in a way that is not known`)
  const header = await source.read(at, localHeader.length)
  if (header.length < localHeader.length || header.readUInt32LE(0) !== localHeader.signature)
    throw new WorkbookProblem(`is damaged at ${name}`)
  const start = at + localHeader.length + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + packed > source.size) throw new WorkbookProblem('ends in the middle of its data')
  const bytes = source.stream(start, packed)
  const pieces = method === stored ? bytes : bytes.pipe(createInflateRaw())
  bytes.on('error', (error) => pieces.destroy(error))
  let length = 0
  try {
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > Math.min(entry.unpacked, mostUnpacked))
        throw new WorkbookProblem(`unpacks ${name} to more than it says`)
      yield piece
    }
  } catch (cause) {
    if (!(cause as { code?: string }).code?.startsWith('Z_')) throw cause
    throw new WorkbookProblem(`is damaged at ${name}`, cause)
  } finally {
    bytes.destroy()
    pieces.destroy()
  }
}

function signatureOf(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
