import {
  actor,
  clusterAddress,
  createTestDatabase,
  service,
  stranger,
  useTestDatabase,
  waitFor,
} from '@plinth/testing'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { sql } from '../sql.ts'

const seed = `
  create table public.diary (
    id bigint generated always as identity primary key,
    owner_id uuid not null default auth.uid(),
    line text not null
  );
  alter table public.diary enable row level security;
  create policy "own lines" on public.diary to authenticated
    using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
  create function public.write_then_fail() returns void language plpgsql as $$
    begin insert into public.diary (line) values ('never'); raise exception 'no'; end $$;
  create function public.misbehave(how text) returns void language plpgsql as $$ begin execute how; end $$;
  grant execute on function public.write_then_fail(), public.misbehave(text) to authenticated;`

const ada = actor('ada')
const ben = actor('ben')

describe('a transaction as the caller', () => {
  const test = useTestDatabase({ seed, connections: { requests: 2, owner: 2 } })
  afterEach(() => test.database.asOwner(sql`delete from public.diary`))

  const write = (line: string, caller = ada) =>
    test.database.asCaller(caller, sql`insert into public.diary (line) values (${line}) returning owner_id`)
  const linesOf = async (caller: typeof ada) =>
    (
      await test.database.asCaller<{ line: string }>(caller, sql`select line from public.diary order by id`)
    ).rows.map((row) => row.line)

  it('is bound by policies, and knows who acts', async () => {
    expect((await write('hers')).rows).toEqual([{ owner_id: ada.userId }])
    await write('his', ben)
    expect(await linesOf(ada)).toEqual(['hers'])
    expect(await linesOf(ben)).toEqual(['his'])
    expect((await test.database.asCaller(service, sql`select from public.diary`)).rowCount).toBe(2)
    expect((await test.database.asCaller(stranger, sql`select from public.diary`)).rowCount).toBe(0)
  })

  it('leaves nothing of the caller behind on the connection', async () => {
    const asks = Array.from({ length: 40 }, (_, index) => {
      const caller = index % 2 === 0 ? ada : ben
      return test.database
        .asCaller<{ uid: string; role: string }>(caller, sql`select auth.uid() as uid, current_user as role`)
        .then(({ rows }) => expect(rows).toEqual([{ uid: caller.userId, role: 'authenticated' }]))
    })
    await Promise.all(asks)
  })

  it('changes nothing when its statement fails, and the connection goes on', async () => {
    await expect(test.database.asCaller(ada, sql`select public.write_then_fail()`)).rejects.toMatchObject({
      code: 'P0001',
    })
    await expect(test.database.asCaller(ada, sql`select 1 / 0`)).rejects.toMatchObject({ code: '22012' })
    expect(await linesOf(ada)).toEqual([])
  })

  it('refuses a role that the authenticator may not take', async () => {
    const owner = { role: 'owner_sample', claims: {} }
    await expect(test.database.asCaller(owner, sql`select from public.diary`)).rejects.toMatchObject({
      code: '42501',
    })
    await expect(
      test.database.asCaller({ role: 'postgres', claims: {} }, sql`select 1`),
    ).rejects.toMatchObject({ code: '42501' })
  })

  it('cannot write when it only reads, and leaves nothing when it is rolled back', async () => {
    const insert = sql`insert into public.diary (line) values ('x')`
    await expect(test.database.asCaller(ada, insert, { readOnly: true })).rejects.toMatchObject({
      code: '25006',
    })
    await test.database.asCaller(ada, insert, { rollback: true })
    expect(await linesOf(ada)).toEqual([])
  })

  it('holds several statements together', async () => {
    const half = test.database.transactionAs(ada, async (transaction) => {
      await transaction.query(sql`insert into public.diary (line) values ('first half')`)
      throw new Error('changed my mind')
    })
    await expect(half).rejects.toThrow('changed my mind')
    expect(await linesOf(ada)).toEqual([])
  })

  it('says so when its commit was a rollback', async () => {
    const swallowed = test.database.transactionAs(ada, async (transaction) => {
      await transaction.query(sql`insert into public.diary (line) values ('lost')`)
      await transaction.query(sql`select 1 / 0`).catch(() => undefined)
    })
    await expect(swallowed).rejects.toMatchObject({ code: 'commit_rolled_back' })
  })

  it('keeps values out of the text, whatever is in them', async () => {
    const hostile = `'); drop table public.diary; --`
    await write(hostile)
    expect(await linesOf(ada)).toEqual([hostile])
  })

  it('takes a prepared statement anew after a first try that failed', async () => {
    const named = { name: 'later', text: 'select count(*) from public.later' }
    await expect(test.database.asCaller(ada, named)).rejects.toMatchObject({ code: '42P01' })
    await test.database.asOwner(sql`create table public.later (id int)`)
    await test.database.asOwner(sql`grant select on public.later to authenticated`)
    const both = Array.from({ length: 4 }, () => test.database.asCaller(ada, named))
    expect((await Promise.all(both)).map(({ rows }) => rows)).toEqual(Array(4).fill([{ count: '0' }]))
    await expect(test.database.asCaller(ada, { text: '' })).resolves.toMatchObject({ rows: [] })
  })

  it('repeats a statement that PostgreSQL sacrificed to end a deadlock', async () => {
    await Promise.all([write('first'), write('second')])
    const touch = (order: string) => ({
      text: `update public.diary set line = line || '.' where id = any (select id from (select id, pg_sleep(0.2)
        from public.diary order by line ${order} for update) as locked)`,
    })
    const touching = ['asc', 'desc'].map((order) => test.database.asCaller(ada, touch(order)))
    await Promise.all(touching)
    expect((await linesOf(ada)).sort()).toEqual(['first..', 'second..'])
  })

  it('ends a statement that takes too long', async () => {
    const short = sql`select set_config('statement_timeout', '50', true)`
    const slow = test.database.transactionAs(ada, async (transaction) => {
      await transaction.query(short)
      await transaction.query(sql`select pg_sleep(30)`)
    })
    await expect(slow).rejects.toMatchObject({ code: '57014' })
  })

  it('keeps numbers and times exact', async () => {
    const { rows } = await test.database.asCaller(
      ada,
      sql`select 9007199254740993::bigint as big, 0.1000::numeric as price, '2026-01-01 00:00:00.123456+00'::timestamptz as at`,
    )
    expect(rows[0]).toMatchObject({
      big: '9007199254740993',
      price: '0.1000',
      at: expect.stringContaining('.123456'),
    })
  })
})

describe('what a function does to its session', () => {
  const test = useTestDatabase({ seed, connections: { requests: 1, owner: 1 } })
  const misbehave = (how: string, options = {}) =>
    test.database.asCaller(ada, sql`select public.misbehave(${how})`, options)
  const state = async () => {
    const { rows } = await test.database.asCaller(
      ben,
      sql`select current_user::text as role, auth.uid()::text as uid, current_setting('search_path') as path,
        current_setting('statement_timeout') as timeout, current_setting('row_security') as security,
        current_setting('default_transaction_read_only') as "readOnly", current_setting('timezone') as zone,
        nullif(current_setting('app.tenant', true), '') as tenant,
        nullif(current_setting('response.status', true), '') as status,
        (select array_agg(setting) from pg_show_all_settings() where name = 'role') as roles`,
    )
    return rows[0]
  }
  const forgedClaims = JSON.stringify({ sub: ada.userId, role: 'service_role' })

  it.each([
    'set role service_role',
    `select set_config('role', 'service_role', false)`,
    'reset role',
    `set request.jwt.claims = '${forgedClaims}'`,
    `set search_path = pg_catalog`,
    'set statement_timeout = 0',
    'set row_security = off',
    `set timezone = 'Asia/Kolkata'`,
    'set session characteristics as transaction read only',
    `set app.tenant = 'hers'`,
    `set response.status = '418'`,
  ])('ends with the request: %s', async (how) => {
    const before = await state()
    expect(before).toMatchObject({ role: 'authenticated', uid: ben.userId, tenant: null })
    await misbehave(how)
    expect(await state()).toEqual(before)
    await test.database.transactionAs(ada, ({ query }) => query(sql`select public.misbehave(${how})`))
    expect(await state()).toEqual(before)
    await misbehave(how, { rollback: true })
    expect(await state()).toEqual(before)
  })

  it('costs the next request nothing when it takes the prepared statements away', async () => {
    const before = await state()
    await expect(misbehave('deallocate all')).rejects.toMatchObject({ code: '26000' })
    expect(await state()).toEqual(before)
    const inTransaction = test.database.transactionAs(ada, ({ query }) =>
      query(sql`select public.misbehave('deallocate all')`),
    )
    await inTransaction
    expect(await state()).toEqual(before)
    const rows = () => test.database.asOwner(sql`select from public.diary`).then(({ rowCount }) => rowCount)
    const had = await rows()
    const how = `deallocate "plinth reset all"; set app.tenant = 'hers'`
    await test.database.asCaller(
      ada,
      sql`with written as (insert into public.diary (line) values ('once')) select public.misbehave(${how})`,
    )
    expect([await rows(), await state()]).toEqual([had! + 1, before])
    await test.database.asOwner(sql`delete from public.diary`)
  })

  it('does not let the same statement see more', async () => {
    await test.database.asCaller(ben, sql`insert into public.diary (line) values ('his')`)
    const { rows } = await test.database.asCaller<{ n: string }>(
      ada,
      sql`select public.misbehave('set role service_role'), (select count(*) from public.diary) as n`,
    )
    expect(rows[0]!.n).toBe('0')
  })

  it('does not make a reading transaction write', async () => {
    const write = misbehave('set transaction read write', { readOnly: true })
    await expect(write).rejects.toMatchObject({ code: '25001' })
  })
})

describe('the pool', () => {
  it('says that all connections are in use, rather than to wait for ever', async () => {
    const test = await createTestDatabase({ connections: { requests: 1, owner: 1 } })
    const held = Promise.withResolvers<void>()
    const holding = test.database.transactionAs(ada, () => held.promise)
    await expect(test.database.asCaller(ada, sql`select 1`)).rejects.toMatchObject({
      code: 'database_busy',
      status: 503,
    })
    held.resolve()
    await holding
    await test.drop()
  })

  it('replaces a connection that PostgreSQL cut', async () => {
    const test = await createTestDatabase({ connections: { requests: 1, owner: 1 } })
    const { rows } = await test.database.asCaller<{ pid: number }>(ada, sql`select pg_backend_pid() as pid`)
    const cut = test.database.asCaller(ada, sql`select pg_sleep(30)`)
    const outcome = expect(cut).rejects.toMatchObject({ code: 'database_unavailable' })
    await terminate(rows[0]!.pid)
    await outcome
    expect((await test.database.asCaller(ada, sql`select 1`)).rowCount).toBe(1)
    await test.drop()
  })
})

/** Ends a backend once it is busy, as its administrator. */
async function terminate(pid: number): Promise<void> {
  const client = new pg.Client({ connectionString: clusterAddress() })
  await client.connect()
  await waitFor(async () => {
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and query like '%pg_sleep%'`
    return (await client.query(kill, [pid])).rowCount === 1
  })
  await client.end()
}
