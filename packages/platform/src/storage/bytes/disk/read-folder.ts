import type { Dirent } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { hasCode } from '../../../kernel/index.ts'

/** What a folder holds; nothing when it is not there. */
export async function* entriesOf(folder: string): AsyncIterable<Dirent> {
  try {
    yield* await opendir(folder)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** Undefined when it is not there, or not any more. */
export async function statUnlessGone(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
