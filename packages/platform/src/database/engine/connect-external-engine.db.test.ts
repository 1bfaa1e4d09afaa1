import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPostgres15 } from '@plinth/testing/programs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppError, silentLog } from '../../kernel/index.ts'
import { addressAs, provisionProject } from '../projects/provision-project.ts'
import { newDatabaseSecrets } from '../projects/roles.ts'
import { connectExternalEngine } from './connect-external-engine.ts'
import type { Engine } from './engine.ts'
import { startEmbeddedEngine } from './start-embedded-engine.ts'
import { collectLog, query, quick } from './tests/engine-fixtures.ts'

const postgres15 = findPostgres15()

const systems = ['shops', 'courses']
const secrets = newDatabaseSecrets()

const servers = [
  { version: 18, binaries: undefined },
  { version: 15, binaries: postgres15 },
]

describe.each(servers)('a PostgreSQL $version that somebody else runs', ({ version, binaries }) => {
  const present = version === 18 || binaries !== undefined
  let folder: string
  let server: Engine
  let superuser: string

  beforeAll(async () => {
    if (!present) return
    folder = await mkdtemp(join(tmpdir(), 'plinth-external-'))
    server = await startEmbeddedEngine({
      dataDir: folder,
      log: silentLog,
      settings: { ...quick, wal_level: 'replica' },
      ...(binaries ? { binaries } : {}),
    })
    superuser = server.adminUrl()
  })

  afterAll(async () => {
    if (!present) return
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test.runIf(present)('tells what is missing; once that was run, it can be used', async () => {
    const address = await createAdministrator('limited admin')
    const refused = await refusalOf(connect(address))
    expect(refused.code).toBe('missing_privileges')
    expect(refused.message).toContain('does not let "limited admin" do what Plinth needs')

    for (const statement of statementsIn(refused.message)) await query(superuser, statement)
    const { engine, warnings } = await connect(address)
    expect(engine).toMatchObject({ kind: 'external', majorVersion: version, logicalReplication: false })
    expect(warnings.join()).toContain('alter system set wal_level = logical; -- then restart PostgreSQL')
    expect(warnings.join()).not.toContain('alter role "limited admin" replication')

    const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
    for (const system of systems) {
      const project = await provisionProject(cluster, system, secrets)
      expect(await query(project.owner, 'select current_database() as name')).toEqual([
        { name: `plinth_${system}` },
      ])
    }
    await engine.stop()
    expect(await query(superuser, 'select 1 as still_there')).toEqual([{ still_there: 1 }])
  })

  test.runIf(present)('names the one thing that an administrator lacks, and no more', async () => {
    const wanted = [...systems, 'bakery']
    const roles = await query(
      superuser,
      `select rolname as name from pg_roles where rolname ~ '^(anon|auth|journal|owner|replicator|rewind|service)'`,
    )
    const names = roles
      .map(({ name }) => `"${name}"`)
      .toSorted()
      .join(', ')
    for (const lacking of ['createdb', 'createrole', ...(version >= 16 ? ['its roles'] : [])]) {
      const name = `without ${lacking}`
      const address = await createAdministrator(name)
      const handOver = `grant ${names} to "${name}" with admin option;`
      if (version < 16 || lacking !== 'its roles') await query(superuser, handOver)
      await query(superuser, `grant set on parameter session_replication_role to "${name}" with grant option`)
      for (const attribute of ['createdb', 'createrole', 'replication'])
        if (attribute !== lacking) await query(superuser, `alter role "${name}" ${attribute}`)
      const { message } = await refusalOf(connect(address, wanted))
      const statement = lacking === 'its roles' ? handOver : `alter role "${name}" ${lacking};`
      expect(statementsIn(message)).toEqual([statement])
      await query(superuser, statement)
      expect((await connect(address, wanted)).engine.majorVersion).toBe(version)
    }
  })

  test.runIf(present)('made ready by another administrator, it can be handed over', async () => {
    const cluster = { url: superuser, directUrl: superuser }
    for (const system of systems) await provisionProject(cluster, system, secrets)
    const address = await createAdministrator('successor')
    const refused = await refusalOf(connect(address))
    for (const statement of statementsIn(refused.message)) await query(superuser, statement)
    const { engine } = await connect(address)
    const second = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
    for (const system of systems) await provisionProject(second, system, secrets)
  })

  test.runIf(present)(
    'locks in `postgres`, or in the address’s own database where that one is closed',
    async () => {
      await query(superuser, 'create database elsewhere')
      const elsewhere = addressAs(superuser, { database: 'elsewhere' })
      const { engine } = await connect(elsewhere)
      expect(new URL(engine.adminUrl()).pathname).toBe('/postgres')
      expect(new URL(engine.adminUrl('plinth_shops')).pathname).toBe('/plinth_shops')

      await query(elsewhere, 'alter database postgres rename to hidden')
      try {
        const { engine: other } = await connect(elsewhere)
        expect(new URL(other.adminUrl()).pathname).toBe('/elsewhere')
      } finally {
        await query(elsewhere, 'alter database hidden rename to postgres')
      }
    },
  )

  test.runIf(present)('a wrong password is told: external_postgres_unreachable', async () => {
    const wrong = new URL(superuser)
    wrong.password = 'guess'
    const refused = await refusalOf(connect(wrong.href))
    expect(refused).toMatchObject({
      code: 'external_postgres_unreachable',
      message: `The PostgreSQL at ${wrong.host} cannot be reached: password authentication failed for user "postgres".`,
    })
    expect(JSON.stringify(refused)).not.toContain('guess')
  })

  /** A login that may do nothing, in a cluster without any of our roles. */
  async function createAdministrator(name: string): Promise<string> {
    await query(superuser, `create role "${name}" login password 'for-tests'`)
    await query(superuser, `grant connect on database postgres to "${name}"`)
    return addressAs(superuser, { user: name, password: 'for-tests' })
  }
})

test('nobody at the address: external_postgres_unreachable', async () => {
  expect(await refusalOf(connect('postgres://plinth:secret@localhost:1/postgres'))).toMatchObject({
    code: 'external_postgres_unreachable',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

async function connect(url: string, wanted: readonly string[] = systems) {
  const { log, lines } = collectLog()
  const engine = await connectExternalEngine({ address: { url, directUrl: url }, systems: wanted, log })
  return { engine, warnings: lines.map(({ msg }) => msg) }
}

async function refusalOf(attempt: Promise<unknown>): Promise<AppError> {
  return attempt.then(
    () => Promise.reject(new Error('It was not refused.')),
    (error: AppError) => error,
  )
}

/** The statements as a person would copy them, without those that need a restart. */
function statementsIn(message: string): string[] {
  const lines = message.split('\n').slice(1)
  return lines.map((line) => line.trim()).filter((line) => !line.includes('restart'))
}
