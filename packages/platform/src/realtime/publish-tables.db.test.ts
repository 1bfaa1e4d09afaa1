import { asSuperuser, service, waitFor } from '@plinth/testing'
import { type Listening, listenTo, useRealtime } from '@plinth/testing/realtime'
import { describe, expect, it } from 'vitest'
import { synchronisePublication } from '../tail/index.ts'
import { synchroniseRealtimeTables } from './index.ts'

const test = useRealtime({
  seed: 'create table public.declared (id int primary key, body text); create schema other; grant usage on schema other to anon',
  tables: ['declared'],
})
const asOwner = (text: string) => test.database.asOwner({ text })
const run = (text: string) => test.database.asCaller(service, { text })
const ids = (changes: readonly { readonly new: object }[]) =>
  changes.map((change) => (change.new as { id?: number }).id)
const carried = async () => {
  const text = `select schemaname || '.' || tablename as name from pg_publication_tables where pubname = 'plinth_tail'`
  return (await test.database.asOwner<{ name: string }>({ text })).rows.map(({ name }) => name).sort()
}

/** Why a listener gets nothing. */
const refusal = ({ system }: Listening) =>
  waitFor(() => system.find(({ status }) => status === 'error')?.message)

/** What the server does when it starts. */
const start = async () => {
  const also = await synchroniseRealtimeTables(test.database, ['declared'])
  await synchronisePublication(test.database, { tables: ['declared'], also })
}

describe('a table that is added to supabase_realtime by plain SQL while the server runs', () => {
  it('can be followed from then on, as it is', async () => {
    await asOwner(`create table public.late (id int primary key, body text)`)
    const early = await listenTo(await test.served.client(), { table: 'late' })
    expect(await refusal(early)).toContain('table_not_published')
    await asOwner(`alter publication supabase_realtime add table public.late`)
    const late = await listenTo(await test.served.client(), { table: 'late' })
    expect(late.status).toBe('SUBSCRIBED')
    await run(`insert into late values (1, 'x')`)
    await run(`update late set body = 'y'`)
    await waitFor(() => late.changes.length === 2)
    expect(late.changes[1]).toMatchObject({ new: { id: 1, body: 'y' }, old: { id: 1 } })
    const identity = await asOwner(`select relreplident as is from pg_class where relname = 'late'`)
    expect(identity.rows).toEqual([{ is: 'd' }])
  })

  it('needs no primary key for inserts, and may be in another schema', async () => {
    await asOwner(`create table other.lines (id int); grant select, insert on other.lines to anon, service_role;
      grant usage on schema other to service_role;
      alter publication supabase_realtime add table other.lines`)
    const lines = await listenTo(await test.served.client(), { schema: 'other', table: 'lines' })
    expect(lines.status).toBe('SUBSCRIBED')
    await run(`insert into other.lines values (7)`)
    await waitFor(() => lines.changes.length === 1)
    expect(ids(lines.changes)).toEqual([7])
  })

  it('reaches those who listen to all tables already', async () => {
    const all = await listenTo(await test.served.client(), {})
    expect(all.status).toBe('SUBSCRIBED')
    await asOwner(`create table public.later (id int primary key);
      alter publication supabase_realtime add table public.later`)
    await waitFor(async () => (await carried()).includes('public.later'), { timeout: 10_000 })
    await run(`insert into later values (1)`)
    await waitFor(() => all.changes.length === 1)
    expect(all.changes[0]).toMatchObject({ table: 'later', new: { id: 1 } })
  })

  it('shows the columns that it was added with only, and not at all with a condition on its rows', async () => {
    await asOwner(`create table public.narrow (id int primary key, shown text, hidden text);
      create table public.some_rows (id int primary key);
      alter publication supabase_realtime add table public.narrow (id, shown), public.some_rows where (id > 5)`)
    const client = await test.served.client()
    const narrow = await listenTo(client, { table: 'narrow' })
    await run(`insert into narrow values (1, 'a', 'b')`)
    await waitFor(() => narrow.changes.length === 1)
    expect(narrow.changes[0]!.new).toEqual({ id: 1, shown: 'a' })
    const probing = await listenTo(client, { table: 'narrow', filter: 'hidden=eq.b' })
    expect(probing.status).toContain('malformed_filter')
    await asOwner(`alter publication supabase_realtime drop table public.narrow;
      alter publication supabase_realtime add table public.narrow (id)`)
    await run(`insert into narrow values (2, 'a', 'b')`)
    await waitFor(() => narrow.changes.length === 2)
    expect(narrow.changes[1]!.new).toEqual({ id: 2 })
    const some = await listenTo(client, { table: 'some_rows' })
    expect(await refusal(some)).toContain('table_not_published')
  })

  it('stays out, and harms nobody, when it belongs to somebody else', async () => {
    await asSuperuser(
      test.addresses,
      `create table public.of_others (id int primary key); grant select on public.of_others to anon;
      alter publication supabase_realtime add table public.of_others`,
    )
    const refused = await listenTo(await test.served.client(), { table: 'of_others' })
    expect(await refusal(refused)).toContain('table_not_published')
    await start()
    expect(await carried()).not.toContain('public.of_others')
  })

  it('is still carried after the next start, and no more once it was taken out', async () => {
    await start()
    const late = await listenTo(await test.served.client(), { table: 'late' })
    await run(`insert into late values (2, 'x')`)
    await waitFor(() => late.changes.length === 1)
    expect(await carried()).toEqual(expect.arrayContaining(['other.lines', 'public.late', 'public.later']))

    await asOwner(`alter publication supabase_realtime drop table public.late`)
    await run(`insert into late values (3, 'x')`)
    const end = await listenTo(await test.served.client(), { table: 'declared' })
    await run(`insert into declared values (1, 'end')`)
    await waitFor(() => end.changes.length === 1)
    expect(ids(late.changes)).toEqual([2])
    await start()
    expect(await carried()).not.toContain('public.late')
  })
})
