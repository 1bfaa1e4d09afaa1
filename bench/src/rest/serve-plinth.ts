/** The rest surface as Plinth serves it: keys, limits, CORS and headers included. */
import { join } from 'node:path'
import { openProjectDatabase } from '@plinth/platform/database'
import { createApp, createProjectDirectory, listen, openProjectKeys } from '@plinth/platform/http'
import { createLog, systemClock } from '@plinth/platform/kernel'
import { createRestSurface } from '@plinth/platform/rest'
import { tell, told } from './told.ts'

const { requests, owner, folder, connections } = told()
const log = createLog('warn')
const keys = await openProjectKeys('bench', join(folder, 'keys.json'), systemClock)
const database = openProjectDatabase({
  system: 'bench',
  addresses: { requests, owner, ownerDirect: owner, replication: owner },
  log,
  connections: { requests: connections, owner: 2 },
})
const project = {
  name: 'bench',
  functionNames: new Set<string>(),
  keys,
  surfaces: [createRestSurface({ database, log })],
}
const directory = createProjectDirectory([project])
const app = createApp({ directory, health: [], clock: systemClock, log })
const { port } = await listen({ app, host: '127.0.0.1', port: 0, onUpgrade: (_, socket) => socket.destroy() })
tell(port)
