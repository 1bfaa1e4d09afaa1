import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '../../../kernel/index.ts'

/** A new file, readable by this account only. Fails when something has the name, a symbolic link included. */
export const createFile = (path: string): Promise<FileHandle> =>
  open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)

/** An existing file; a symbolic link is an error. */
export const openFile = (path: string, flags = constants.O_RDONLY): Promise<FileHandle> =>
  open(path, flags | constants.O_NOFOLLOW)

/** Makes a folder and those above it, and sees to it that they survive a loss of power. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first !== undefined) await syncFolder(dirname(first))
}

/** Moves a file to its final name; after that a loss of power does not undo it. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncFolder(dirname(to))
}

/** Gives false when there was nothing. */
export async function unlinkDurably(path: string): Promise<boolean> {
  try {
    await unlink(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
  await syncFolder(dirname(path))
  return true
}

/** Size of a regular file; undefined when there is none. */
export async function sizeOfFile(path: string): Promise<number | undefined> {
  try {
    const found = await lstat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
