import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'

export const lockFile = 'plinth.lock'
const pidFile = 'plinth.pid'

const sqliteBusy = 5

/**
 * Takes the data folder for this process and returns what gives it back. The lock is the kernel's (SQLite's
 * exclusive lock on an empty file): two takers cannot both win, and it ends with the process however that dies,
 * which a file holding a process number cannot promise. Fails with `data_folder_in_use`.
 *
 * Nothing else in this process may open that file: POSIX gives up a process's locks on a file as soon as the process
 * closes any handle of it.
 */
export function lockDataFolder(folder: string): () => void {
  const lock = openLock(folder)
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive')
    writeFileSync(join(folder, pidFile), `${process.pid}\n`)
  } catch (cause) {
    lock.close()
    throw explain(cause, folder)
  }
  return () => {
    if (!lock.isOpen) return
    rmSync(join(folder, pidFile), { force: true })
    lock.close()
  }
}

function openLock(folder: string): DatabaseSync {
  const file = join(folder, lockFile)
  // The file system says more clearly than SQLite what is wrong.
  accessSync(existsSync(file) ? file : folder, constants.W_OK)
  try {
    return new DatabaseSync(file, { timeout: 0 })
  } catch (cause) {
    throw explain(cause, folder)
  }
}

function explain(error: unknown, folder: string): unknown {
  const result = (error as { errcode?: number }).errcode
  if (result === undefined) return error
  return primaryCode(result) === sqliteBusy
    ? engineErrors.data_folder_in_use({ folder, pid: readHolder(folder) }, error)
    : engineErrors.data_folder_unwritable({ folder, reason: messageOf(error) }, error)
}

/** SQLite puts refinements into the higher bytes. */
const primaryCode = (result: number) => result & 0xff

/** The pid only serves the message; the file may be a moment behind the lock. */
function readHolder(folder: string): string {
  try {
    return readFileSync(join(folder, pidFile), 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
