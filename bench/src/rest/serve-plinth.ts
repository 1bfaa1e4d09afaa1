/** The rest surface as Plinth serves it: keys, limits, CORS and headers included. */
import { createApp, createProjectDirectory, listen } from '@plinth/platform/http'
import { systemClock } from '@plinth/platform/kernel'
import { openRest } from './open-rest.ts'
import { reportPort } from './server-input.ts'

const { keys, surface, log } = await openRest()
const project = { name: 'bench', functionNames: new Set<string>(), keys, surfaces: [surface] }
const directory = createProjectDirectory([project])
const app = createApp({ directory, health: [], clock: systemClock, log })
const { port } = await listen({ app, host: '127.0.0.1', port: 0 })
reportPort(port)
