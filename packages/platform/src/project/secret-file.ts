import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '../kernel/index.ts'
import type { SecretFile } from '../system/index.ts'

/** A file for its owner only (0600), replaced all at once. */
export const secretFile = (name: string, path: string): SecretFile => ({
  name,
  read: async () => {
    try {
      return await readFile(path)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  },
  write: async (content) => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const draft = `${path}.${randomUUID()}`
    await writeFile(draft, content, { mode: 0o600, flag: 'wx', flush: true })
    await rename(draft, path)
  },
})
