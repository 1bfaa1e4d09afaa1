import { createHash, randomUUID } from 'node:crypto'
import { mkdir, opendir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../../kernel/index.ts'

/** Transformed images on this node's disk. They can be made again at any time, so nothing is synchronised. */
export interface ImageCache {
  read(key: string): Promise<Buffer | undefined>
  write(key: string, image: Buffer): Promise<void>
  /** Removes everything. */
  clear(): Promise<void>
}

/** Keeps about `mostBytes`; what was asked for longest ago goes first. */
export function createImageCache(folder: string, mostBytes: number): ImageCache {
  const pathOf = (key: string) => join(folder, createHash('sha256').update(key).digest('hex'))
  let bytes: Promise<number> | undefined
  let shrinking: Promise<void> | undefined
  const size = () =>
    (bytes ??= filesOf(folder).then((files) => files.reduce((sum, file) => sum + file.size, 0)))
  return {
    read: async (key) => {
      const path = pathOf(key)
      try {
        const image = await readFile(path)
        const now = new Date()
        await utimes(path, now, now)
        return image
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return undefined
        throw error
      }
    },
    write: async (key, image) => {
      if (image.length > mostBytes / 4) return
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const draft = join(folder, `${randomUUID()}.draft`)
      await writeFile(draft, image, { mode: 0o600 })
      await rename(draft, pathOf(key))
      bytes = Promise.resolve((await size()) + image.length)
      if ((await bytes) <= mostBytes || shrinking) return
      shrinking = shrink(folder, mostBytes * 0.8)
      bytes = shrinking
        .then(() => filesOf(folder))
        .then((files) => files.reduce((sum, file) => sum + file.size, 0))
      await shrinking
      shrinking = undefined
    },
    clear: async () => {
      await rm(folder, { recursive: true, force: true })
      bytes = undefined
    },
  }
}

async function shrink(folder: string, wanted: number): Promise<void> {
  const files = (await filesOf(folder)).sort((a, b) => a.usedAt - b.usedAt)
  let bytes = files.reduce((sum, file) => sum + file.size, 0)
  for (const { path, size } of files) {
    if (bytes <= wanted) return
    await unlink(path).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error
    })
    bytes -= size
  }
}

async function filesOf(folder: string) {
  const files: { path: string; size: number; usedAt: number }[] = []
  try {
    for await (const { name } of await opendir(folder)) {
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found) files.push({ path, size: found.size, usedAt: found.mtimeMs })
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return files
}
