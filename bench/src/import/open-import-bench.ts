import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAuthMigrations } from '@plinth/platform/auth'
import {
  applyMigrations,
  newDatabaseSecrets,
  type ProjectAddresses,
  provisionProject,
  readPlatformMigrations,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import { readHoldsMigrations } from '@plinth/platform/holds'
import { silentLog } from '@plinth/platform/kernel'
import { shops } from '@plinth/shops'
import pg from 'pg'

/** A database of the shop system with one empty shop. */
export interface BenchTarget {
  readonly addresses: ProjectAddresses
  readonly shopId: string
}

export interface ImportBench {
  createTarget(name: string): Promise<BenchTarget>
  close(): Promise<void>
}

/** A PostgreSQL of its own, on disk and with fsync, as users have it. */
export async function openImportBench(): Promise<ImportBench> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-import-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log: silentLog })
  const url = engine.adminUrl()
  const secrets = newDatabaseSecrets()
  return {
    createTarget: async (name) => {
      const cluster = { url, directUrl: url }
      const addresses = await provisionProject(cluster, shops.name, secrets, name)
      await applyMigrations(addresses, [
        await readPlatformMigrations(),
        await readAuthMigrations(),
        await readHoldsMigrations(),
        await shops.migrations(),
      ])
      return { addresses, shopId: await createShop(addresses.ownerDirect) }
    },
    close: async () => {
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function createShop(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      "insert into public.shops (name, currency, timezone) values ('Bench', 'GBP', 'Europe/London') returning id",
    )
    return rows[0]!.id
  })
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
