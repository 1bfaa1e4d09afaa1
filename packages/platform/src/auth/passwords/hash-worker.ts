import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import * as argon2 from '@node-rs/argon2'
import * as bcrypt from '@node-rs/bcrypt'
import { type HashTask, isBcrypt, parameters } from './hash-task.ts'

/**
 * Niceness of this thread: on a busy processor it gets about a tenth of what a request does, so that sign-ins slow
 * down before anything else does, without ever standing still.
 */
const niceness = 10

// Linux alone counts niceness by thread; elsewhere this would slow down the whole process.
if (process.platform === 'linux') setPriority(niceness)

parentPort?.on('message', (task: HashTask) => parentPort?.postMessage(perform(task)))

function perform({ password, stored }: HashTask): string | boolean {
  return stored === undefined ? argon2.hashSync(password, parameters) : matches(stored, password)
}

/** A stored text that looked like a hash and is none matches nothing. */
function matches(stored: string, password: string): boolean {
  try {
    return isBcrypt(stored) ? bcrypt.verifySync(password, stored) : argon2.verifySync(stored, password)
  } catch {
    return false
  }
}
