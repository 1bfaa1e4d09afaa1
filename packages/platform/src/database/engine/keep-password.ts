import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newSecret } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'

/** The administrator's password: made with the cluster, kept in a file that only its owner can read. */
export async function readOrCreatePassword(folder: string, found: 'empty' | 'cluster'): Promise<string> {
  const secrets = join(folder, 'secrets')
  const file = join(secrets, 'postgres-password')
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (kept) return kept.trim()
  if (found === 'cluster') {
    throw engineErrors.data_folder_corrupt({ folder, reason: 'secrets/postgres-password is missing' })
  }
  const password = newSecret()
  await mkdir(secrets, { recursive: true, mode: 0o700 })
  await writeFile(file, password, { mode: 0o600, flush: true })
  return password
}
