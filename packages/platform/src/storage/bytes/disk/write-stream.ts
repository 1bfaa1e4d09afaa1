import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

/** Bytes that are gathered for one write. */
const batchBytes = 512 * 1_024

/**
 * Writes a source from a position on, and gives how many bytes came. The next batch is read and hashed while one is being
 * written. When the source fails, what came before is written, and its error is thrown.
 */
export async function writeStream(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  position: number,
  hash?: Hash,
): Promise<number> {
  let [at, gathered] = [position, 0]
  let batch: Uint8Array[] = []
  let writing: Promise<void> = Promise.resolve()
  const flush = async () => {
    const [taken, start] = [batch, at]
    at += gathered
    batch = []
    gathered = 0
    await writing
    writing = writeAll(file, taken, start)
    // It is awaited before the next one begins; until then a failure is nobody's yet.
    writing.catch(() => undefined)
  }
  try {
    for await (const chunk of source) {
      hash?.update(chunk)
      batch.push(chunk)
      gathered += chunk.byteLength
      if (gathered >= batchBytes) await flush()
    }
  } finally {
    if (gathered > 0) await flush()
    await writing
  }
  return at - position
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks, position)
  const whole = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (bytesWritten === whole) return
  let [at, left] = [position + bytesWritten, Buffer.concat(chunks).subarray(bytesWritten)]
  while (left.length > 0) {
    const { bytesWritten: more } = await file.write(left, 0, left.length, at)
    at += more
    left = left.subarray(more)
  }
}
