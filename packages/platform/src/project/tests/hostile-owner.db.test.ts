import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actor, clusterAddress, createFakeClock, testSecrets, waitFor } from '@plinth/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  addressAs,
  authenticatorRole,
  type ClusterAddresses,
  connectExternalEngine,
  databaseName,
  journalRole,
  openOwnerSession,
  openProjectDatabase,
  ownerRole,
  type ProjectAddresses,
  quoteText,
  replicatorRole,
  sql,
  withClusterLock,
} from '../../database/index.ts'
import { journalOffer } from '../../journal/index.ts'
import { silentLog, systemClock } from '../../kernel/index.ts'
import { rewindOffer } from '../../rewind/index.ts'
import { defineSystem } from '../../system/index.ts'
import { createTail, settleElsewhere } from '../../tail/index.ts'
import { webhooksOffer } from '../../webhooks/index.ts'
import { openProject, type Project, prepareDatabase } from '../index.ts'

const traps = new URL('./hostile-owner.sql', import.meta.url)

const systemOf = (name: string, hasTables: boolean) =>
  defineSystem({
    name,
    summary: 'Its owner is an enemy.',
    tenant: hasTables ? { table: 'shops', column: 'shop_id' } : null,
    migrations: async () => ({ name, migrations: [] }),
    functions: [],
    jobs: [],
    realtimeTables: hasTables ? ['items'] : [],
    journalledTables: hasTables ? ['shops', 'items'] : [],
    personalColumns: hasTables ? { items: { columns: ['email'], subject: 'id' } } : {},
  })

const limited = 'limited_provisioner'

/** A login with what `external-prerequisites.ts` asks for, and no more. */
async function createLimitedAdministrator(systems: readonly string[]): Promise<ClusterAddresses> {
  const directUrl = clusterAddress()
  const url = addressAs(directUrl, { user: limited, password: 'limited' })
  await withClusterLock(directUrl, async (client) => {
    await client.query(`drop role if exists ${limited}`).catch(() => undefined)
    await client.query(
      `create role ${limited} login password 'limited' createdb createrole replication bypassrls`,
    )
    await client.query(`grant connect on database postgres to ${limited}`)
    await client.query(`grant set on parameter session_replication_role to ${limited} with grant option`)
    if (inject('postgresMajor') >= 16)
      await client.query(
        `grant anon, authenticated, service_role, ${replicatorRole} to ${limited} with admin option`,
      )
  })
  const engine = await connectExternalEngine({ address: { url, directUrl: url }, systems, log: silentLog })
  expect(engine.logicalReplication).toBe(true)
  return { url: engine.adminUrl(), directUrl: engine.adminUrl() }
}

describe.each([
  { who: 'a superuser', name: 'hostile', isLimited: false },
  { who: 'an administrator who is no superuser', name: 'hostilelimited', isLimited: true },
])('an owner whose system is started by $who', ({ name, isLimited }) => {
  let cluster: ClusterAddresses
  let addresses: ProjectAddresses
  let dataDir: string
  let owner: pg.Client

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'plinth-hostile-'))
    cluster = isLimited
      ? await createLimitedAdministrator([name])
      : { url: clusterAddress(), directUrl: clusterAddress() }
    addresses = await start()
    owner = new pg.Client({ connectionString: addresses.ownerDirect })
    await owner.connect()
    const text = await readFile(traps, 'utf8')
    const names = {
      owner: ownerRole(name),
      authenticator: authenticatorRole(name),
      journal: journalRole(name),
    }
    await owner.query(
      text.replaceAll(/:(owner|authenticator|journal)\b/g, (_, role) =>
        quoteText(names[role as keyof typeof names]),
      ),
    )
    await owner.query(`alter database ${databaseName(name)} set search_path = public, pg_catalog`)
    await owner.query(`alter database ${databaseName(name)} set role = ${ownerRole(name)}`)
  }, 60_000)
  afterAll(async () => {
    await owner?.end()
    await withClusterLock(clusterAddress(), async (client) => {
      await client.query(
        'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1 and not active',
        [databaseName(name)],
      )
      await client.query(`drop database if exists ${databaseName(name)} with (force)`)
    })
    await rm(dataDir, { recursive: true, force: true })
  })

  const start = () => prepareDatabase(systemOf(name, false), cluster, { database: testSecrets })

  /** Whose sessions ran the owner's code. */
  async function struck(): Promise<string[]> {
    const { rows } = await owner.query<{ name: string }>(
      `select substr(sequencename, 8) as name from pg_catalog.pg_sequences
       where sequencename like 'struck_%' and last_value is not null order by 1`,
    )
    return rows.map((row) => row.name)
  }

  async function open(): Promise<Project> {
    return openProject({
      system: systemOf(name, true),
      addresses: await start(),
      secrets: {
        keysFile: join(dataDir, 'keys.json'),
        database: testSecrets,
        sealingKey: Buffer.alloc(32, 7),
      },
      logicalReplication: true,
      dataDir,
      environment: {},
      url: `http://plinth.test/${name}`,
      redisUrl: undefined,
      clock: systemClock,
      log: silentLog,
    })
  }

  it('meets no session but his own and his requests’, whatever is run', async () => {
    const project = await open()
    const { database, tail } = project
    try {
      await project.start()
      await waitFor(() => tail.holds(), { timeout: 30_000, what: 'the stream' })
      const journal = project.offer(journalOffer)
      const rewinding = project.offer(rewindOffer)
      const hooks = project.offer(webhooksOffer)

      await hooks.add({ url: 'https://receiver.example.test/' })
      await hooks.list()
      const session = await openOwnerSession({ addresses, via: 'import' })
      await session.transaction({ reason: 'a file' }, async () => {
        await session.query(`insert into public.shops values ('a', 'A'), ('b', 'B')`)
      })
      await session.close()
      const write = (text: string) => database.asCaller(actor('ada'), { text })
      await owner.query('grant all on public.items, public.shops to authenticated')
      await write(
        `insert into public.items values (1, 'a', 'ada@example.test'), (2, 'b', 'ben@example.test')`,
      )
      await tail.settle()
      const [{ sequence = 0 } = {}] = (await journal.show({ tenant: 'a' })).slice(-1)
      expect(sequence).toBeGreaterThan(0)
      await write(`update public.items set email = 'eve@example.test'`)
      await write(`delete from public.items where id = 1`)
      await tail.settle()

      expect(await rewinding.preview({ tenant: 'a', to: sequence })).toMatchObject({ undone: 2 })
      const who = { user: 'operator', role: 'owner', requestId: null, via: null, reason: null }
      await rewinding.apply({ tenant: 'a', to: sequence, actor: who })
      const { rows } = await owner.query(`select id, email from public.items order by id`)
      expect(rows).toEqual([
        { id: 1, email: 'ada@example.test' },
        { id: 2, email: 'eve@example.test' },
      ])
      await settleElsewhere(database).settle()
      const shown = await journal.show({ tenant: 'a' })
      expect(shown.at(-1)).toMatchObject({ actor: { user: 'operator' }, operation: 'insert' })
      expect(shown.some(({ actor: by }) => by?.user === actor('ada').userId)).toBe(true)
      expect(await journal.verify({})).toMatchObject({ sound: true, problems: [] })

      await owner.query(`create table public.late (id int primary key); alter table public.late enable row level security;
        alter publication supabase_realtime add table public.late`)
      await tail.health()
      for (const each of project.health) await each.check()
    } finally {
      await project.disconnect()
      await project.close()
    }
    const clock = createFakeClock(new Date(Date.now() + 3 * 86_400_000))
    const again = await open()
    try {
      const archived = await again.offer(journalOffer).archive({ clock, keepDays: 1 })
      expect(archived.length).toBeGreaterThan(0)
      await again.start()
      await waitFor(() => again.tail.holds(), { timeout: 30_000, what: 'the stream' })
      expect(await again.offer(journalOffer).verify({})).toMatchObject({ sound: true })
    } finally {
      await again.disconnect()
      await again.close()
    }

    const owns = [ownerRole(name), authenticatorRole(name)]
    const met = await struck()
    expect(met).toContain(ownerRole(name))
    expect(met.filter((role) => !owns.includes(role))).toEqual([])
    const { rows } = await owner.query(
      `select rolsuper, rolreplication, rolcreaterole from pg_catalog.pg_roles where rolname = $1`,
      [ownerRole(name)],
    )
    expect(rows).toEqual([{ rolsuper: false, rolreplication: false, rolcreaterole: false }])
  }, 120_000)

  it('sets nothing that ends, blinds or loosens the journal’s sessions', async () => {
    const settings = {
      local_preload_libraries: 'no_such_library',
      default_transaction_read_only: 'on',
      statement_timeout: '1',
      idle_in_transaction_session_timeout: '1',
      synchronous_commit: 'off',
      standard_conforming_strings: 'off',
      timezone: 'Asia/Kathmandu',
    }
    const database = databaseName(name)
    for (const [setting, value] of Object.entries(settings))
      await owner.query(`alter database ${database} set ${setting} = '${value}'`)
    const opened = openProjectDatabase({ system: name, addresses, log: silentLog })
    const tail = createTail({ database: opened, log: silentLog, slot: `${name}_other` })
    try {
      const { rows } = await opened.asJournal(sql`
        select current_user as role, current_setting('search_path') as path,
          current_setting('default_transaction_read_only') as "readOnly", current_setting('synchronous_commit') as waits,
          current_setting('statement_timeout') as timeout, current_setting('timezone') as zone`)
      expect(rows).toEqual([
        {
          role: journalRole(name),
          path: 'pg_catalog,pg_temp',
          readOnly: 'off',
          waits: 'on',
          timeout: '0',
          zone: 'UTC',
        },
      ])
      tail.start()
      await waitFor(() => tail.holds(), { timeout: 30_000, what: 'the stream' })
    } finally {
      await tail.stop()
      await opened.close()
      for (const setting of Object.keys(settings))
        await owner.query(`alter database ${database} reset ${setting}`)
    }
  })
})
