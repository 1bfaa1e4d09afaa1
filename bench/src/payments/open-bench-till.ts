import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { newDatabaseSecrets, type ProjectDatabase, sql, startEmbeddedEngine } from '@plinth/platform/database'
import { createApp, createProjectDirectory } from '@plinth/platform/http'
import { declareJobs } from '@plinth/platform/jobs'
import { createLog, newKey, systemClock } from '@plinth/platform/kernel'
import { payments } from '@plinth/platform/payments'
import { openProject, prepareDatabase } from '@plinth/platform/project'
import { defineFunction } from '@plinth/platform/routes'
import { defineSystem } from '@plinth/platform/system'

export const webhookSecret = 'the secret of the bench'

/** The floor: the same HTTP, one insert of the body. */
const bareInsert = defineFunction({
  name: 'bare-insert',
  summary: 'Stores a body.',
  access: 'webhook',
  limit: { calls: 1_000_000, seconds: 60, per: 'everyone' },
  respond: async (request, { asService }) => {
    const body = await request.text()
    await asService('the floor of the bench').query(sql`insert into public.bodies (body) values (${body})`)
    return Response.json({ received: true })
  },
})

const till = defineSystem({
  name: 'benchtill',
  summary: 'Takes payments and bodies.',
  tenant: null,
  uses: [payments()],
  migrations: async () => ({
    name: 'benchtill',
    migrations: [
      {
        name: '001_bodies',
        sql: `create table public.bodies (id bigint generated always as identity primary key, body text not null);
              alter table public.bodies enable row level security;`,
        checksum: 'bodies',
      },
    ],
  }),
  functions: [bareInsert],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

export interface BenchTill {
  readonly database: ProjectDatabase
  readonly url: string
  close(): Promise<void>
}

/** A system that takes payments, on a port and a PostgreSQL of its own, durable as in production. No job runs. */
export async function openBenchTill(): Promise<BenchTill> {
  const log = createLog('error')
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-payments-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log })
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const secrets = {
    keysFile: join(folder, 'keys.json'),
    database: newDatabaseSecrets(),
    sealingKey: newKey(),
  }
  const addresses = await prepareDatabase(till, cluster, secrets)
  const project = await openProject({
    system: till,
    addresses,
    secrets,
    logicalReplication: false,
    dataDir: folder,
    environment: {
      PLINTH_BENCHTILL_PAYMENTS_RAZORPAY_KEY_ID: 'rzp_test_bench',
      PLINTH_BENCHTILL_PAYMENTS_RAZORPAY_KEY_SECRET: 'of the bench',
      PLINTH_BENCHTILL_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: webhookSecret,
    },
    url: 'http://127.0.0.1/benchtill',
    redisUrl: undefined,
    clock: systemClock,
    log,
  })
  await declareJobs(project.database, project.jobDefinitions, systemClock)
  const app = createApp({ directory: createProjectDirectory([project]), health: [], clock: systemClock, log })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    database: project.database,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/benchtill`,
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
      await project.close()
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
