import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Keeps a state in a file, or nowhere. */
export interface StateFile<T> {
  read(): T | undefined
  /** Writes the state soon; several calls become one write. */
  save(): void
  /** Writes what has not been written. */
  close(): Promise<void>
}

/** Milliseconds in which changes gather. */
const gather = 200

export function openStateFile<T>(path: string | undefined, present: () => T): StateFile<T> {
  if (!path) return { read: () => undefined, save: () => undefined, close: async () => undefined }
  let waiting: NodeJS.Timeout | undefined
  const write = () => {
    waiting = undefined
    mkdirSync(dirname(path), { recursive: true })
    // A file beside it and a rename: who is killed while writing has the state from before.
    writeFileSync(`${path}.new`, JSON.stringify(present()), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  return {
    read: () => {
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as T
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    save: () => {
      waiting ??= setTimeout(write, gather)
    },
    close: async () => {
      if (!waiting) return
      clearTimeout(waiting)
      write()
    },
  }
}
