import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { hasCode } from '../../../kernel/index.ts'
import { storageErrors } from '../../errors.ts'
import type { ByteRange, ByteStore, PartialStore, StagedBytes, StoredBytes } from '../byte-store.ts'
import {
  createFile,
  makeFolder,
  openFile,
  renameDurably,
  sizeOfFile,
  unlinkDurably,
} from './durable-folder.ts'
import { entriesOf, statUnlessGone } from './read-folder.ts'
import { writeStream } from './write-stream.ts'

const contentName = /^[0-9a-f]{64}$/
const uploadName = /^[0-9a-f-]{36}$/
/** One read of a download. Bytes. */
const readBytes = 256 * 1_024

/**
 * Bytes on a disk, content-addressed: `blobs/ab/ab…` is named by the SHA-256 of what is in it, so equal bytes are stored
 * once. What is on its way lies in `incoming` and `partial`; a rename within the file system makes it final.
 */
export function createDiskStore(root: string): ByteStore {
  const folders = createFolders(root)
  const pathOf = (id: string) => {
    if (!contentName.test(id)) throw storageErrors.bytes_missing({ id })
    return join(root, 'blobs', id.slice(0, 2), id)
  }
  const stagedAs = (path: string, size: number, sha256: Buffer): StagedBytes => {
    const id = sha256.toString('hex')
    return {
      id,
      size,
      sha256,
      publish: async () => {
        await folders.make(join('blobs', id.slice(0, 2)))
        await renameDurably(path, pathOf(id))
      },
      discard: async () => void (await unlinkDurably(path)),
    }
  }
  return {
    stage: async (source) => {
      const path = join(await folders.make('incoming'), randomUUID())
      const file = await createFile(path)
      try {
        const hash = createHash('sha256')
        const size = await writeStream(file, source, 0, hash)
        await file.datasync()
        return stagedAs(path, size, hash.digest())
      } catch (error) {
        await unlinkDurably(path)
        throw error
      } finally {
        await file.close()
      }
    },
    read: async (id, range) => readFileRange(pathOf(id), id, range),
    sizeOf: async (id) => sizeOfFile(pathOf(id)),
    remove: async (id) => void (await unlinkDurably(pathOf(id))),
    list: () => listBlobs(join(root, 'blobs')),
    removeAbandoned: async (before) =>
      (await removeAbandoned(join(root, 'incoming'), before)) +
      (await removeAbandoned(join(root, 'partial'), before)),
    partials: createPartials(folders, stagedAs),
  }
}

interface Folders {
  /** Gives the path of a folder below the root, which is there after that. */
  make(name: string): Promise<string>
}

function createFolders(root: string): Folders {
  const made = new Map<string, Promise<string>>()
  return {
    make: (name) => {
      const path = join(root, name)
      const making = made.get(name) ?? makeFolder(path).then(() => path)
      made.set(name, making)
      making.catch(() => made.delete(name))
      return making
    },
  }
}

async function readFileRange(path: string, id: string, range?: ByteRange): Promise<Readable> {
  const file = await openFile(path).catch((cause: unknown) => {
    throw hasCode(cause, 'ENOENT') || hasCode(cause, 'ELOOP')
      ? storageErrors.bytes_missing({ id }, cause)
      : cause
  })
  return file.createReadStream({ highWaterMark: readBytes, ...range })
}

async function* listBlobs(root: string): AsyncIterable<StoredBytes> {
  for await (const folder of entriesOf(root)) {
    if (!folder.isDirectory()) continue
    for await (const { name } of entriesOf(join(root, folder.name))) {
      const found = await statUnlessGone(join(root, folder.name, name))
      if (contentName.test(name) && found) yield { id: name, size: found.size, modifiedAt: found.mtime }
    }
  }
}

async function removeAbandoned(folder: string, before: Date): Promise<number> {
  let removed = 0
  for await (const { name } of entriesOf(folder)) {
    const path = join(folder, name)
    const found = await statUnlessGone(path)
    if (found && found.mtime < before && (await unlinkDurably(path))) removed += 1
  }
  return removed
}

/** An upload in pieces is one file that grows. */
function createPartials(
  folders: Folders,
  stagedAs: (path: string, size: number, sha256: Buffer) => StagedBytes,
): PartialStore {
  const pathOf = async (id: string) => {
    if (!uploadName.test(id)) throw storageErrors.no_such_upload()
    return join(await folders.make('partial'), id)
  }
  const withFile = async <T>(
    id: string,
    flags: number,
    work: (file: FileHandle, path: string) => Promise<T>,
  ) => {
    const path = await pathOf(id)
    const file = await openUpload(path, flags)
    try {
      return await work(file, path)
    } finally {
      await file.close()
    }
  }
  return {
    create: async (id) => (await createFile(await pathOf(id))).close(),
    offsetOf: async (id) => sizeOfFile(await pathOf(id)),
    append: (id, source) =>
      withFile(id, constants.O_RDWR, async (file) => {
        const { size } = await file.stat()
        try {
          return size + (await writeStream(file, source, size))
        } finally {
          await file.datasync()
        }
      }),
    read: async (id, length) => {
      const file = await openUpload(await pathOf(id), constants.O_RDONLY)
      const part = length === undefined ? {} : { start: 0, end: length - 1 }
      return file.createReadStream({ highWaterMark: readBytes, ...part })
    },
    finish: (id) =>
      withFile(id, constants.O_RDONLY, async (file, path) => {
        const hash = createHash('sha256')
        let size = 0
        for await (const chunk of file.createReadStream({ highWaterMark: readBytes, autoClose: false })) {
          hash.update(chunk as Buffer)
          size += (chunk as Buffer).length
        }
        return stagedAs(path, size, hash.digest())
      }),
    remove: async (id) => void (await unlinkDurably(await pathOf(id))),
  }
}

const openUpload = (path: string, flags: number): Promise<FileHandle> =>
  openFile(path, flags).catch((cause: unknown) => {
    throw hasCode(cause, 'ENOENT') ? storageErrors.no_such_upload({}, cause) : cause
  })
