import { copyFile, mkdir, open, readFile, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { hasCode, type Log, messageOf } from '../../kernel/index.ts'
import { sizeOf } from './sealed-lines.ts'

/** A file that only grows, in a second place. What cannot be written there is written later. */
export interface Copy {
  /** Brings it up to so many bytes of the file. */
  bring(bytes: number): Promise<void>
  /** The file was written anew: the whole of it comes next. */
  forget(): void
}

export function createCopy(path: string, folder: string | undefined, log: Log): Copy {
  const target = folder === undefined ? undefined : join(folder, basename(path))
  let copied: number | undefined
  return {
    bring: async (bytes) => {
      if (target === undefined || copied === bytes) return
      try {
        const isPrefix = copied !== undefined && copied < bytes && (await sizeOf(target)) === copied
        if (isPrefix) await extend(path, target, copied!, bytes)
        else await replace(path, target)
        copied = bytes
      } catch (error) {
        log.error({ target, problem: messageOf(error) }, 'a second copy could not be written')
      }
    },
    forget: () => {
      copied = undefined
    },
  }
}

async function extend(path: string, target: string, from: number, to: number): Promise<void> {
  const [source, sink] = await Promise.all([open(path, 'r'), open(target, 'a', 0o600)])
  try {
    const bytes = Buffer.alloc(to - from)
    await source.read(bytes, 0, bytes.length, from)
    await sink.writeFile(bytes)
    await sink.datasync()
  } finally {
    await Promise.all([source.close(), sink.close()])
  }
}

async function replace(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  await copyFile(path, `${target}.new`)
  await rename(`${target}.new`, target)
}

/**
 * True when the copy has seen more than the file: an older file was put in its place. Files that were written anew say how
 * often; of two of the same age the shorter one is the beginning of the longer.
 */
export async function isBehindCopy(path: string, target: string): Promise<boolean> {
  const [file, copy] = (await Promise.all([path, target].map(readIfThere))) as [Buffer, Buffer]
  const [age, copyAge] = [generationOf(firstLineOf(file)), generationOf(firstLineOf(copy))]
  if (age !== copyAge) return copyAge > age
  return copy.length > file.length && copy.subarray(0, file.length).equals(file)
}

const firstLineOf = (bytes: Buffer): string => bytes.subarray(0, bytes.indexOf('\n')).toString()

/** How often a file was written anew, by its first line. */
export function generationOf(line: string): number {
  const found = /^\{"kind":"state","at":"[^"]*","generation":(\d+)/.exec(line)
  return found ? Number(found[1]) : 0
}

const readIfThere = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return Buffer.alloc(0)
    throw error
  })
