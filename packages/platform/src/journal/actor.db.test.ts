import { applyMigrations, openProjectDatabase, readPlatformMigrations } from '@plinth/platform/database'
import { silentLog } from '@plinth/platform/kernel'
import { readTailMigrations } from '@plinth/platform/tail'
import { readWebhookMigrations } from '@plinth/platform/webhooks'
import { actor } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { expect, test } from 'vitest'
import { readJournalMigrations } from './index.ts'

const test_ = useTail(
  `create table items (id int primary key, name text);
   create policy everyone on items for all to authenticated using (true) with check (true);
   create function say_who(who text) returns void language sql
     as $$ select pg_logical_emit_message(true, 'plinth.actor', who) $$;
   grant execute on function say_who(text) to authenticated;
   create table overheard (argument text);
   grant all on overheard to public;`,
  { journalled: ['items'] },
)
const { run } = test_
const ada = actor('ada')
const forged = JSON.stringify({
  user: 'eve',
  role: 'authenticated',
  requestId: null,
  via: null,
  reason: null,
})

/** Who the journal says made a row. */
async function makerOf(id: number) {
  await test_.tail.settle()
  const [entry] = await run('select actor from plinth_journal.entries where key = $1', `["${id}"]`)
  return entry!.actor
}

test('the journal keeps who acted, and nothing that proves it', async () => {
  await test_.database.asCaller(ada, { text: `insert into items values (1, 'a')` })
  expect(await makerOf(1)).toEqual({
    user: ada.userId,
    role: 'authenticated',
    requestId: null,
    via: null,
    reason: null,
  })
})

test('what the owner’s SQL says of who acts is nobody', async () => {
  await run(`select say_who($1), say_who('')`, forged)
  await run(`with said as (select say_who($1)) insert into items select 2, 'b' from said`, forged)
  expect(await makerOf(2)).toBeNull()
})

test('a request that says to be somebody else is still who it is', async () => {
  const text = `with said as (select say_who('${forged}')) insert into items select 3, 'c' from said`
  await test_.database.asCaller(ada, { text })
  expect(await makerOf(3)).toMatchObject({ user: ada.userId })
})

test('bytes that are no text stop nothing', async () => {
  await run(
    `insert into items select 4, pg_logical_emit_message(true, 'plinth.actor', '\\xff00fe'::bytea)::text`,
  )
  expect(await makerOf(4)).toBeNull()
})

test('a migration says which it was', async () => {
  const text = `insert into public.items values (5, 'e')`
  const sets = await Promise.all([
    readPlatformMigrations(),
    readTailMigrations(),
    readJournalMigrations(),
    readWebhookMigrations(),
  ])
  const more = { name: 'more', migrations: [{ name: '001_items', sql: text, checksum: text }] }
  const { applied } = await applyMigrations(test_.database.addresses, [...sets, more])
  expect(applied).toEqual(['more/001_items'])
  expect(await makerOf(5)).toMatchObject({ user: null, via: 'migration', reason: 'more/001_items' })
})

test('functions of the owner that come before PostgreSQL’s own overhear nothing of a request', async () => {
  const client = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  await client.connect()
  const [{ name } = { name: '' }] = await run('select current_database() as name')
  await client.query(`
    create function public.pg_logical_emit_message(boolean, text, text) returns text language sql
      as $$ insert into public.overheard values ($3) returning 'x' $$;
    create function public.set_config(text, text, boolean) returns text language sql
      as $$ insert into public.overheard values ($2) returning pg_catalog.set_config($1, $2, $3) $$;
    grant execute on function public.pg_logical_emit_message(boolean, text, text),
      public.set_config(text, text, boolean) to public;
    grant usage on schema public to public;
    alter database "${name}" set search_path = public, pg_catalog`)
  await client.end()
  const database = openProjectDatabase({ ...test_.database, log: silentLog })
  await database.asCaller(ada, { text: `insert into public.items values (6, 'f')` })
  await database.close()
  expect(await run('select * from public.overheard')).toEqual([])
  expect(await makerOf(6)).toMatchObject({ user: ada.userId })
})
