import { join } from 'node:path'
import { type DatabaseSecrets, newSystemSecrets, type SystemSecrets } from '../database/index.ts'
import { newKey, newSecret, readOrCreateSecret } from '../kernel/index.ts'

/** What a project must keep to itself. Nodes that share one PostgreSQL share this folder's content as well. */
export interface ProjectSecrets {
  /** The file with the project's keys, made when they are first opened. */
  readonly keysFile: string
  readonly database: DatabaseSecrets
  /** Master key for what is sealed at rest; purposes derive their own from it. */
  readonly sealingKey: Buffer
}

/** Reads a project's secrets from `<dataDir>/secrets`, made the first time, each file for its owner only (0600). */
export async function openProjectSecrets(dataDir: string, project: string): Promise<ProjectSecrets> {
  const file = (name: string) => join(dataDir, 'secrets', `${project}.${name}`)
  const [system, replicator, sealingKey] = await Promise.all([
    readOrCreateSecret(file('database.json'), () => JSON.stringify(newSystemSecrets())),
    // Of the cluster: it reads the WAL of every system.
    readOrCreateSecret(join(dataDir, 'secrets', 'replicator'), newSecret),
    readOrCreateSecret(file('sealing-key'), () => newKey().toString('base64')),
  ])
  return {
    keysFile: file('keys.json'),
    database: { ...(JSON.parse(system) as SystemSecrets), replicator },
    sealingKey: Buffer.from(sealingKey, 'base64'),
  }
}
