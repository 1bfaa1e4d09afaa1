import { join } from 'node:path'
import { openProjectDatabase } from '@plinth/platform/database'
import { openProjectKeys, type ProjectKeys, type Surface } from '@plinth/platform/http'
import { createLog, type Log, newSecret, systemClock } from '@plinth/platform/kernel'
import { createRestSurface } from '@plinth/platform/rest'
import { readInput } from './server-input.ts'

/** The rest surface over the database that this program was given, for a server around it. */
export async function openRest(): Promise<{
  readonly keys: ProjectKeys
  readonly surface: Surface
  readonly log: Log
}> {
  const { requests, owner, folder, connections } = readInput()
  const log = createLog('warn')
  const keys = await openProjectKeys('bench', join(folder, 'keys.json'), systemClock)
  const database = openProjectDatabase({
    system: 'bench',
    addresses: {
      requests,
      owner,
      ownerDirect: owner,
      journal: owner,
      replication: owner,
      actorSecret: newSecret(),
    },
    log,
    connections: { requests: connections, owner: 2 },
  })
  return { keys, surface: createRestSurface({ database, log }), log }
}
