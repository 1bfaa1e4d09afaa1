import { createHash, randomUUID } from 'node:crypto'
import { mkdir, opendir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
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
  /** About how many there are; undefined until somebody has counted. */
  let bytes: number | undefined
  let isShrinking = false
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
      bytes = bytes === undefined ? await measure(folder) : bytes + image.length
      if (bytes <= mostBytes || isShrinking) return
      isShrinking = true
      bytes = await shrink(folder, mostBytes * 0.8).finally(() => {
        isShrinking = false
      })
    },
    clear: async () => {
      await rm(folder, { recursive: true, force: true })
      bytes = undefined
    },
  }
}

const measure = async (folder: string): Promise<number> =>
  (await filesOf(folder)).reduce((sum, { size }) => sum + size, 0)

/** Gives how many bytes are left. */
async function shrink(folder: string, wanted: number): Promise<number> {
  const files = (await filesOf(folder)).sort((a, b) => a.usedAt - b.usedAt)
  let bytes = files.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of files) {
    if (bytes <= wanted) break
    await rm(path, { force: true })
    bytes -= size
  }
  return bytes
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
