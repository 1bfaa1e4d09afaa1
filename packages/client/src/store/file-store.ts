import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { applyChange, storeOf } from './memory-store.ts'
import type { Store, StoreChange } from './store.ts'

/** The file is written anew when it has this many lines more than twice its entries. */
const slack = 200

/**
 * Entries in a file, for one process at a time: a line for each write, on disk before the write resolves. A last line that
 * a crash cut off is dropped; any other damage is an error. What an emptied prefix held is gone from the file.
 */
export async function openFileStore(path: string): Promise<Store> {
  await mkdir(dirname(path), { recursive: true })
  const { entries, lines, length } = await read(path)
  let written = lines
  let size = length
  let file = await open(path, 'a')
  await file.truncate(size)
  await syncFolder(path)

  async function keep(change: StoreChange): Promise<void> {
    const line = lineOf(change)
    try {
      await file.appendFile(line)
      await file.datasync()
    } catch (error) {
      // Half a line would spoil the next one.
      await file.truncate(size)
      throw error
    }
    size += Buffer.byteLength(line)
    written += 1
    // Emptied prefixes may be somebody's who has signed out: nothing of theirs stays in the file.
    if (written > 2 * entries.size + slack || change.removePrefixes?.length) await compact(change)
  }

  async function compact(latest: StoreChange): Promise<void> {
    const kept = new Map(entries)
    applyChange(kept, latest)
    const text = [...kept].map((entry) => lineOf({ set: [entry] })).join('')
    const fresh = await open(`${path}.new`, 'w')
    await fresh.appendFile(text)
    await fresh.datasync()
    await fresh.close()
    await rename(`${path}.new`, path)
    await syncFolder(path)
    await file.close()
    file = await open(path, 'a')
    size = Buffer.byteLength(text)
    written = kept.size
  }

  return storeOf(entries, keep, () => file.close())
}

/** So that the file's name is on disk, too. Windows opens no folders. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined
  try {
    folder = await open(dirname(path), 'r')
    await folder.sync()
  } catch (error) {
    if (process.platform !== 'win32') throw error
  } finally {
    await folder?.close()
  }
}

const checksumOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 8)

function lineOf({ removePrefixes, remove, set }: StoreChange): string {
  const text = JSON.stringify({ removePrefixes, remove, set })
  return `${checksumOf(text)} ${text}\n`
}

async function read(path: string) {
  const entries = new Map<string, unknown>()
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split('\n').slice(0, -1)
  let length = 0
  for (const [index, line] of lines.entries()) {
    const change = line.slice(9)
    if (checksumOf(change) !== line.slice(0, 8)) throw new Error(`${path}:${index + 1} is damaged.`)
    applyChange(entries, JSON.parse(change) as StoreChange)
    length += Buffer.byteLength(line) + 1
  }
  return { entries, lines: lines.length, length }
}
