import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { openZip, type RandomAccess, type Zip } from './open-zip.ts'
import { WorkbookProblem } from './workbook-problem.ts'

/** A workbook that is open; whoever opened it closes it. */
export interface OpenWorkbook {
  readonly zip: Zip
  close(): Promise<void>
}

/** Bytes of a workbook that comes as a stream: its directory stands at its end, so all of it has to be held. */
const mostHeld = 64 * 1024 * 1024

/** Opens the workbook of a path, or of bytes that come. `onRead` is told of bytes as they are read. */
export async function openWorkbook(
  source: string | AsyncIterable<Buffer>,
  onRead: (bytes: number) => void,
): Promise<OpenWorkbook> {
  if (typeof source !== 'string')
    return { zip: await openZip(await hold(source, onRead)), close: async () => undefined }
  const file = await open(source)
  try {
    return { zip: await openZip(await accessOf(file, onRead)), close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function accessOf(file: FileHandle, onRead: (bytes: number) => void): Promise<RandomAccess> {
  const { size } = await file.stat()
  return {
    size,
    read: async (at, length) => {
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(Math.min(length, size)),
        0,
        Math.min(length, size),
        at,
      )
      return buffer.subarray(0, bytesRead)
    },
    stream: (at, length) => {
      if (length === 0) return Readable.from([])
      const bytes = file.createReadStream({ start: at, end: at + length - 1, autoClose: false })
      return Readable.from(tellOf(bytes, onRead), { objectMode: false })
    },
  }
}

async function* tellOf(bytes: AsyncIterable<Buffer>, onRead: (bytes: number) => void) {
  for await (const chunk of bytes) {
    onRead(chunk.length)
    yield chunk
  }
}

async function hold(source: AsyncIterable<Buffer>, onRead: (bytes: number) => void): Promise<RandomAccess> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > mostHeld) throw new WorkbookProblem('is too large to come as a stream: give its path')
    chunks.push(chunk)
    onRead(chunk.length)
  }
  const bytes = Buffer.concat(chunks)
  return {
    size,
    read: async (at, length) => bytes.subarray(at, at + length),
    stream: (at, length) => Readable.from([bytes.subarray(at, at + length)]),
  }
}
