import { createHash } from 'node:crypto'
import { applyMigrations, readPlatformMigrations } from '@plinth/platform/database'
import { actor, asSuperuser, createTestDatabase } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { readTailMigrations } from '../../tail/index.ts'
import { readJournalMigrations, verifyJournal } from '../index.ts'

const test_ = useTail(
  `create table items (id int primary key, name text);
   create policy everyone on items for all to authenticated using (true) with check (true);
   create function touch() returns trigger language plpgsql as $$ begin return null; end $$;`,
  { journalled: ['items'] },
)
const { run } = test_
const denied = { code: '42501' }

/** How a statement of the owner ends: `done`, or the SQLSTATE of its refusal. */
const codeOf = (statement: string) =>
  run(statement).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )

/** Tables of the journal, each with one of its columns. */
const columns = {
  entries: 'tenant',
  heads: 'tenant',
  anchors: 'tenant',
  archives: 'file',
  subjects: 'subject',
  tables: 'relation',
  slot: 'slot',
  positions: 'consumer',
  gaps: 'reason',
  schema_changes: 'relation',
}
const tables = Object.keys(columns)

describe('the owner of a system', () => {
  it.each(Object.entries(columns))(
    'can neither write, lock, alter nor drop plinth_journal.%s',
    async (name, column) => {
      const table = `plinth_journal.${name}`
      for (const statement of [
        `insert into ${table} default values`,
        `update ${table} set ${column} = ${column}`,
        `delete from ${table}`,
        `truncate ${table}`,
        `do $$ begin lock table ${table} in row exclusive mode; end $$`,
        `alter table ${table} add column mine int`,
        `alter table ${table} enable row level security`,
        `alter table ${table} owner to current_user`,
        `alter table ${table} set schema public`,
        `alter table ${table} rename to mine`,
        `create trigger mine before insert on ${table} for each row execute function public.touch()`,
        `create rule mine as on insert to ${table} do instead nothing`,
        `create policy mine on ${table} using (false)`,
        `create index mine on ${table} ((1))`,
        `comment on table ${table} is 'mine'`,
        `drop table ${table} cascade`,
      ]) {
        expect([statement, await codeOf(statement)]).toEqual([statement, '42501'])
      }
    },
  )

  it.each([
    'alter publication plinth_tail drop table items',
    'alter publication plinth_tail set (publish = $$insert$$)',
    'alter publication plinth_tail owner to current_user',
    'alter publication plinth_tail rename to mine',
    'drop publication plinth_tail',
    'create publication mine for all tables',
    'drop schema plinth_journal cascade',
    'alter schema plinth_journal rename to mine',
    'alter schema plinth_journal owner to current_user',
    'create table plinth_journal.mine (id int)',
    'create or replace function plinth_journal.refuse_truncate() returns trigger language plpgsql as $$ begin return null; end $$',
    'alter function plinth_journal.begin_rewind(text) owner to current_user',
    'select plinth_journal.create_partition(current_date + 9, now())',
    `select plinth_journal.begin_rewind('guessed')`,
    `select sealed_key from plinth_journal.subjects`,
    `select digest from plinth_journal.rewind_permits`,
    'set session_replication_role = replica',
    'set role journal_sample',
    'set role rewind_sample',
    'set role replicator',
    'grant journal_sample to current_user',
    'grant rewind_sample to current_user',
    `alter role journal_sample password 'mine'`,
    `alter role journal_sample set search_path = public`,
    `alter role replicator password 'mine'`,
    'drop role journal_sample',
    'reassign owned by journal_sample to current_user',
    'drop owned by journal_sample',
    'alter default privileges for role journal_sample grant all on tables to public',
    'create event trigger mine on ddl_command_start execute function public.touch()',
    'create cast (text as int) with inout as implicit',
    `create or replace function pg_catalog.now() returns timestamptz language sql as 'select null::timestamptz'`,
    `create operator pg_catalog.= (leftarg = text, rightarg = text, function = texteq)`,
    `alter database "current" set session_preload_libraries = 'mine'`,
    `select pg_create_logical_replication_slot('mine', 'pgoutput')`,
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots`,
    `select pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) from pg_replication_slots`,
    `select * from pg_logical_slot_peek_changes((select slot_name from pg_replication_slots limit 1), null, null)`,
    `select pg_switch_wal()`,
  ])('cannot: %s', async (statement) => {
    const [{ name } = { name: '' }] = await run('select current_database() as name')
    expect(await codeOf(statement.replace('"current"', `"${name}"`))).toBe('42501')
  })

  it('can end no session of the journal, of the stream and of a rewind, nor see what they run', async () => {
    const found = await test_.asJournal(
      `select pid, usename from pg_stat_activity where usename in ('journal_sample', 'replicator')
         and datname = current_database()`,
    )
    expect(new Set(found.map(({ usename }) => usename))).toEqual(new Set(['journal_sample', 'replicator']))
    for (const { pid } of found) {
      await expect(run('select pg_terminate_backend($1)', pid)).rejects.toMatchObject(denied)
      await expect(run('select pg_cancel_backend($1)', pid)).rejects.toMatchObject(denied)
      const seen = await run('select query from pg_stat_activity where pid = $1', pid)
      expect(seen).toEqual([{ query: '<insufficient privilege>' }])
    }
  })

  it('may read what the journal says, and still has all rights on what is his', async () => {
    // PostgreSQL warns that nothing was granted; what requests reach is tried below.
    for (const table of tables.filter((each) => each !== 'subjects'))
      await run(`grant all on plinth_journal.${table} to public`)
    for (const table of tables.filter((each) => each !== 'subjects'))
      await run(`select from plinth_journal.${table}`)
    await run('alter table items add column more text')
    await run('alter table items drop column more')
  })

  it('keeps nobody from reading the WAL who was reading it', async () => {
    const [{ name } = { name: '' }] = await run('select current_database() as name')
    await run(`revoke connect on database "${name}" from journal_sample, replicator`)
    await run(`insert into items values (1000, 'y')`)
    await test_.tail.settle()
    await run(`grant connect on database "${name}" to journal_sample, replicator`)
    expect((await test_.entries()).at(-1)).toMatchObject({ key: '["1000"]' })
    expect(await verifyJournal(test_)).toMatchObject({ sound: true })
  })
})

it.each([actor('ada'), { role: 'service_role', claims: {} }, { role: 'anon', claims: {} }])(
  'a request as $role reaches nothing of the journal',
  async (caller) => {
    for (const text of [
      ...tables.map((table) => `select from plinth_journal.${table}`),
      `select plinth_journal.begin_rewind('x')`,
    ])
      await expect(test_.database.asCaller(caller, { text })).rejects.toMatchObject(denied)
  },
)

describe('a permit to switch triggers off', () => {
  const permit = (token: string, expires: string) =>
    test_.asJournal(
      `insert into plinth_journal.rewind_permits values ($1, clock_timestamp() + $2::interval)`,
      createHash('sha256').update(token).digest(),
      expires,
    )
  const use = (token: string) =>
    test_.database.transactionAsOwner(async ({ query }) => {
      await query({ text: 'select plinth_journal.begin_rewind($1)', values: [token] })
      const { rows } = await query<{ is: string }>({ text: 'show session_replication_role' })
      return Object.values(rows[0]!)[0]
    })

  it('holds for one transaction, once', async () => {
    await permit('once', '1 minute')
    expect(await use('once')).toBe('replica')
    expect(await run('show session_replication_role')).toEqual([{ session_replication_role: 'origin' }])
    await expect(use('once')).rejects.toMatchObject(denied)
  })

  it('ends', async () => {
    await permit('late', '-1 second')
    await expect(use('late')).rejects.toMatchObject(denied)
  })
})

it('a schema that the owner made under the journal’s name is refused: he could drop what is in it', async () => {
  const test = await createTestDatabase()
  try {
    await test.database.asOwner({ text: 'create schema plinth_journal' })
    await test.database.asOwner({ text: 'grant all on schema plinth_journal to journal_sample' })
    const sets = [await readPlatformMigrations(), await readTailMigrations(), await readJournalMigrations()]
    await expect(applyMigrations(test.addresses, sets)).rejects.toMatchObject({ code: 'schema_taken' })
  } finally {
    await test.drop()
  }
})

it('no login of a system may read the WAL of the cluster, and the one that may can do nothing else', async () => {
  const roles = await asSuperuser(
    test_.database.addresses,
    `select rolname as name, rolsuper or rolcreatedb or rolcreaterole or rolbypassrls as powerful, rolreplication as reads,
       rolcanlogin as enters from pg_roles where rolname ~ '_sample$' or rolname = 'replicator' order by 1`,
  )
  const ordinary = { powerful: false, reads: false, enters: true }
  expect(roles).toEqual([
    { name: 'authenticator_sample', ...ordinary },
    { name: 'journal_sample', ...ordinary },
    { name: 'owner_sample', ...ordinary },
    { name: 'replicator', ...ordinary, reads: true },
    { name: 'rewind_sample', ...ordinary, enters: false },
  ])
  const replicator = new pg.Client({ connectionString: test_.database.addresses.replication })
  await replicator.connect()
  for (const text of [
    'select from items',
    'select from plinth_journal.entries',
    'create table mine (id int)',
  ])
    await expect(replicator.query(text)).rejects.toMatchObject(denied)
  await replicator.end()
})
