import { actor, createTestDatabase } from '@plinth/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../callers/caller.ts'
import { sql } from '../sql.ts'
import { addressAs } from './provision-project.ts'
import { authenticatorRole, ownerRole } from './roles.ts'

const system = 'rolesystem'
const denied = { code: '42501' }

let test: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  test = await createTestDatabase({ system })
})
afterAll(() => test.drop())

const run = (caller: Caller, text: string) => test.database.asCaller(caller, { text })

/** How an attempt to connect as this address ends: `in`, or the SQLSTATE of the refusal. */
async function enter(address: string): Promise<string> {
  const client = new pg.Client({ connectionString: address })
  try {
    await client.connect()
    return 'in'
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await client.end()
  }
}

describe.each([
  { who: 'somebody signed in', caller: actor('ada') },
  { who: 'the anonymous', caller: { role: 'anon', claims: {} } },
  { who: 'the service', caller: { role: 'service_role', claims: {} } },
])('$who', ({ caller }) => {
  it.each([
    'create table public.mine (id int)',
    'create temporary table mine (id int)',
    'create function public.mine() returns int language sql return 1',
    'create function pg_temp.mine() returns int language sql return 1',
    'create schema mine',
    'create extension dblink',
    'create role mine',
    'create publication mine for all tables',
    `create subscription mine connection 'host=127.0.0.1' publication p with (connect = false)`,
  ])('cannot make anything: %s', async (statement) => {
    await expect(run(caller, statement)).rejects.toMatchObject(denied)
  })

  it.each([
    `select lo_import('/etc/passwd')`,
    `select pg_read_file('/etc/passwd')`,
    `select pg_ls_dir('/')`,
    `copy (select 1) to program 'id'`,
    `copy (select 1) to '/tmp/plinth-must-not-be'`,
    `create table x as select pg_read_binary_file('postgresql.conf')`,
    'select * from pg_authid',
    'select * from pg_hba_file_rules',
    'select * from plinth.migrations',
    'select pg_create_logical_replication_slot($$mine$$, $$pgoutput$$)',
    `select pg_logical_slot_peek_changes('any', null, null)`,
  ])('cannot reach files, secrets or the WAL: %s', async (statement) => {
    await expect(run(caller, statement)).rejects.toMatchObject(denied)
  })

  it.each([
    `set local role ${ownerRole(system)}`,
    'set local role postgres',
    'set session authorization postgres',
    `alter role ${authenticatorRole(system)} superuser`,
    `grant ${ownerRole(system)} to authenticated`,
    'set local session_replication_role = replica',
    'select pg_reload_conf()',
    `select set_config('log_statement', 'all', true)`,
  ])('cannot become more than it is: %s', async (statement) => {
    await expect(run(caller, statement)).rejects.toMatchObject(denied)
  })

  it('cannot end, stop or read along with anybody else', async () => {
    const { rows } = await test.database.asOwner<{ pid: number }>(sql`select pg_backend_pid() as pid`)
    const { pid } = rows[0]!
    await expect(run(caller, `select pg_terminate_backend(${pid})`)).rejects.toMatchObject(denied)
    await expect(run(caller, `select pg_cancel_backend(${pid})`)).rejects.toMatchObject(denied)
    const seen = await run(caller, `select query from pg_stat_activity where pid = ${pid}`)
    expect(seen.rows).toEqual([{ query: '<insufficient privilege>' }])
  })
})

it.each(['postgres', 'template1'])(
  'neither login of a system enters %s, where others could be locked out',
  async (database) => {
    for (const address of [test.addresses.requests, test.addresses.owner]) {
      expect(await enter(addressAs(address, { database }))).toBe('42501')
    }
  },
)

it('the owner of a system is no administrator of the cluster', async () => {
  for (const statement of [
    'create role mine',
    'create database mine',
    'alter system set fsync = off',
    `select pg_read_file('/etc/passwd')`,
    `copy (select 1) to program 'id'`,
    'create extension dblink_not_trusted_or_absent',
    'set role postgres',
  ]) {
    const refused = await test.database
      .asOwner({ text: statement })
      .catch((error: { code: string }) => error.code)
    expect([statement, refused]).toEqual([statement, expect.stringMatching(/^(42501|0A000|58P01)$/)])
  }
})

it('the authenticator by itself can do nothing', async () => {
  const client = new pg.Client({ connectionString: test.addresses.requests })
  await client.connect()
  for (const statement of [
    'select auth.uid()',
    'create temporary table mine (id int)',
    'select from plinth.migrations',
  ]) {
    await expect(client.query(statement)).rejects.toMatchObject(denied)
  }
  await client.end()
})
