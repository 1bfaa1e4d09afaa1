import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { hasCode } from '../../../kernel/index.ts'
import { storageErrors } from '../../errors.ts'
import { createFile, makeFolder, openFile, renameDurably, unlinkDurably } from '../disk/durable-folder.ts'
import { entriesOf, statUnlessGone } from '../disk/read-folder.ts'
import { writeStream } from '../disk/write-stream.ts'
import { isStoreName, type NamedBytes, type NamedStore } from './named-store.ts'

/** What is on its way; a name cannot begin with a dot. */
const incoming = '.incoming'
const readBytes = 256 * 1_024

/** Named bytes below a folder of a disk; a rename within the file system makes them final. */
export function createNamedFolder(root: string): NamedStore {
  const pathOf = (name: string) => {
    if (!isStoreName(name)) throw storageErrors.bytes_missing({ id: name })
    return join(root, name)
  }
  return {
    put: async (name, source) => {
      const target = pathOf(name)
      await makeFolder(join(root, incoming))
      const draft = join(root, incoming, randomUUID())
      const file = await createFile(draft)
      try {
        const size = await writeStream(file, source, 0)
        await file.datasync()
        await makeFolder(dirname(target))
        await renameDurably(draft, target)
        return size
      } catch (error) {
        await unlinkDurably(draft).catch(() => undefined)
        throw error
      } finally {
        await file.close()
      }
    },
    get: async (name) => {
      try {
        return (await openFile(pathOf(name))).createReadStream({ highWaterMark: readBytes })
      } catch (error) {
        if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP')) return undefined
        throw error
      }
    },
    list: (prefix) => listFiles(root, '', prefix),
    remove: async (name) => void (await unlinkDurably(pathOf(name))),
  }
}

async function* listFiles(root: string, below: string, prefix: string): AsyncIterable<NamedBytes> {
  for await (const entry of entriesOf(join(root, below))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.name.startsWith('.')) continue
    const mayMatch = name.startsWith(prefix) || prefix.startsWith(`${name}/`)
    if (entry.isDirectory() && mayMatch) yield* listFiles(root, name, prefix)
    if (!entry.isFile() || !name.startsWith(prefix)) continue
    const found = await statUnlessGone(join(root, name))
    if (found) yield { name, size: found.size, modifiedAt: found.mtime }
  }
}
