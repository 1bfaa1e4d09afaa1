import { join } from 'node:path'
import type { RolePasswords } from '@plinth/platform/database'
import { openProjectKeys, type ProjectKeys } from '@plinth/platform/http'
import { type Clock, newKey, newSecret, readOrCreateSecret } from '@plinth/platform/kernel'

/** What a project must keep to itself. Nodes that share one PostgreSQL share this folder's content as well. */
export interface ProjectSecrets {
  readonly keys: ProjectKeys
  readonly passwords: RolePasswords
  /** Master key for what is sealed at rest; purposes derive their own from it. */
  readonly sealingKey: Buffer
}

/** Reads a project's secrets from `<dataDir>/secrets`, made the first time, each file for its owner only (0600). */
export async function openProjectSecrets(
  dataDir: string,
  project: string,
  clock: Clock,
): Promise<ProjectSecrets> {
  const file = (name: string) => join(dataDir, 'secrets', `${project}.${name}`)
  const [keys, passwords, sealingKey] = await Promise.all([
    openProjectKeys(project, file('keys.json'), clock),
    readOrCreateSecret(file('roles.json'), createPasswords),
    readOrCreateSecret(file('sealing-key'), () => newKey().toString('base64')),
  ])
  return {
    keys,
    passwords: JSON.parse(passwords) as RolePasswords,
    sealingKey: Buffer.from(sealingKey, 'base64'),
  }
}

const createPasswords = (): string =>
  JSON.stringify({ owner: newSecret(), authenticator: newSecret() } satisfies RolePasswords)
