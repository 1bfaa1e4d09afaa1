import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedEngine } from '@plinth/platform/database'
import { createApp, createProjectDirectory } from '@plinth/platform/http'
import { createLog, systemClock } from '@plinth/platform/kernel'
import { openProject, openProjectSecrets, type Project, prepareDatabase } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'

/** A system on a PostgreSQL of its own, durable as in production, on as many nodes as asked for. */
export interface BenchProject {
  readonly nodes: readonly Project[]
  /** The HTTP side of the first node, without sockets. */
  readonly app: ReturnType<typeof createApp>
  close(): Promise<void>
}

export async function openBenchProject(system: SystemDeclaration, count: number): Promise<BenchProject> {
  const log = createLog('error')
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-services-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log })
  const secrets = await openProjectSecrets(folder, system.name)
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await prepareDatabase(system, cluster, secrets)
  const nodes: Project[] = []
  for (let node = 0; node < count; node += 1) {
    const project = await openProject({
      system,
      addresses,
      secrets,
      logicalReplication: true,
      dataDir: folder,
      environment: {},
      url: `http://localhost/${system.name}`,
      redisUrl: undefined,
      clock: systemClock,
      log,
    })
    await project.start({ jobs: false })
    nodes.push(project)
  }
  const directory = createProjectDirectory([nodes[0]!])
  return {
    nodes,
    app: createApp({ directory, health: [], clock: systemClock, log }),
    close: async () => {
      for (const node of nodes) await node.close()
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
