import { actor, waitFor } from '@plinth/testing'
import { useRealtime } from '@plinth/testing/realtime'
import { describe, expect, it } from 'vitest'
import { type Watch, type WatchEvent, watch } from './watch.ts'

const seed = `
create table public.stock (shop int, item int, name text not null, amount numeric, owner uuid, primary key (shop, item));
alter table public.stock enable row level security;
create policy own on public.stock for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
create table public.open_to_all (id int primary key, n int, note text, added timestamptz default now(), ok bool, doubled int generated always as (n * 2) stored);
create table public.moody (id int primary key);
alter table public.moody enable row level security;
create policy moody on public.moody for select to authenticated using (1 / (id - 13) is not null);
`
const test = useRealtime({
  seed,
  connections: { requests: 20, owner: 4 },
  tables: ['stock', 'open_to_all', 'moody'],
  limits: { watchedRows: { watch: 2_000 }, keptBytes: 250_000 },
})
const ada = actor('ada')
const bob = actor('bob')

const run = (text: string) => test.database.asOwner({ text })
const rowsOf = (live: Watch<Record<string, unknown>>, column: string) =>
  [...live.rows.values()].map((row) => row[column]).sort()

describe('watch', () => {
  it('begins with a snapshot and goes on with transactions; what leaves the view is removed', async () => {
    await run(
      `insert into stock values (1, 1, 'pen', 1.50, '${ada.userId}'), (1, 2, 'ink', 2, '${bob.userId}')`,
    )
    const events: WatchEvent<Record<string, unknown>>[] = []
    const live = watch(await test.served.client(ada.userId), { table: 'stock' }, (event) =>
      events.push(event),
    )
    await live.ready
    expect(events).toEqual([
      { type: 'snapshot', rows: [{ shop: 1, item: 1, name: 'pen', amount: 1.5, owner: ada.userId }] },
    ])
    await run(
      `begin; update stock set amount = 3 where item = 1; insert into stock values (1, 3, 'cap', null, '${ada.userId}'); commit`,
    )
    await run(`update stock set owner = '${bob.userId}' where item = 1`)
    await run(`update stock set owner = '${ada.userId}' where item = 2`)
    await run(`update stock set item = 4 where item = 3`)
    await run(`delete from stock where item = 2`)
    await waitFor(() => events.length === 6)
    const told = events.slice(1).map((event) => (event.type === 'changes' ? event.changes : []))
    expect(told.map((changes) => changes.map(({ type, row }) => [type, row.item]))).toEqual([
      [
        ['update', 1],
        ['insert', 3],
      ],
      [['remove', 1]],
      [['insert', 2]],
      [
        ['remove', 3],
        ['insert', 4],
      ],
      [['remove', 2]],
    ])
    expect(rowsOf(live, 'name')).toEqual(['cap'])
    await live.close()
  })

  it('follows a filter: rows come and go as they pass it', async () => {
    await run(`insert into open_to_all (id, n, note) values (1, 1, 'low'), (2, 5, 'high')`)
    const live = watch(await test.served.client(), { table: 'open_to_all', filter: 'n=gt.3', columns: ['n'] })
    await live.ready
    expect([...live.rows.values()]).toEqual([{ id: 2, n: 5 }])
    await run(`update open_to_all set n = n + 3`)
    await waitFor(() => live.rows.size === 2)
    await run(`update open_to_all set n = 0 where id = 2`)
    await waitFor(() => live.rows.size === 1)
    expect([...live.rows.values()]).toEqual([{ id: 1, n: 4 }])
    await live.close()
  })

  it('is iterated, also late and slowly', async () => {
    const live = watch(await test.served.client(), { table: 'open_to_all', filter: 'id=gte.100' })
    await live.ready
    for (let id = 100; id < 110; id += 1) await run(`insert into open_to_all (id) values (${id})`)
    const seen: string[] = []
    for await (const event of live) {
      if (event.type === 'changes') seen.push(...event.changes.map(({ row }) => String(row.id)))
      if (seen.length === 10) break
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, index) => String(100 + index)))
    await live.close()
    for await (const event of live) expect.unreachable(`after close came ${event.type}`)
  })

  it('shows the same form of a row in the snapshot and in changes', async () => {
    await run(`delete from open_to_all`)
    await run(
      `insert into open_to_all (id, n, note, added, ok) values (1, null, 'x', '2026-02-03T04:05:06.7Z', true)`,
    )
    const live = watch(await test.served.client(), { table: 'open_to_all' })
    await live.ready
    const [before] = [...live.rows.values()]
    await run(
      `insert into open_to_all (id, n, note, added, ok) values (2, null, 'x', '2026-02-03T04:05:06.7Z', true)`,
    )
    await waitFor(() => live.rows.size === 2)
    expect({ ...[...live.rows.values()][1], id: 1 }).toEqual(before)
    expect(before).toEqual({ id: 1, n: null, note: 'x', added: '2026-02-03T04:05:06.7+00:00', ok: true })
    await live.close()
  })

  it('begins anew when its table is emptied, also by a resume across it', async () => {
    const live = watch(await test.served.client(), { table: 'open_to_all' })
    await live.ready
    await run(`insert into open_to_all (id) values (900)`)
    await waitFor(() => live.rows.size > 0)
    await test.database.asOwner({ text: 'truncate open_to_all; insert into open_to_all (id) values (901)' })
    await waitFor(() => live.rows.size === 1 && live.rows.has('[901]'))
    test.served.cut()
    await test.database.asOwner({ text: 'truncate open_to_all' })
    await run(`insert into open_to_all (id) values (902)`)
    await waitFor(() => live.rows.size === 1 && live.rows.has('[902]'))
    await live.close()
  })

  it('resumes where it was after a lost connection, and begins anew after a long one', async () => {
    await run(`delete from open_to_all`)
    const client = await test.served.client()
    const events: WatchEvent<Record<string, unknown>>[] = []
    const live = watch(client, { table: 'open_to_all' }, (event) => events.push(event))
    await live.ready
    await run(`insert into open_to_all (id, n) values (1, 1)`)
    await run(`insert into open_to_all (id, n) values (2, 1)`)
    await waitFor(() => live.rows.size === 2)
    const cut = () =>
      (
        client.realtime as unknown as { socketAdapter: { getSocket(): { conn: { close(): void } } } }
      ).socketAdapter
        .getSocket()
        .conn.close()
    cut()
    await run(`insert into open_to_all (id, n) values (3, 1)`)
    await waitFor(() => live.rows.size === 3)
    expect(events.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
    expect(
      events.flatMap((event) => (event.type === 'changes' ? event.changes : [])).map(({ row }) => row.id),
    ).toEqual([1, 2, 3])
    cut()
    for (const from of [10, 310, 610]) {
      await run(`insert into open_to_all (id, n) select n, 1 from generate_series(${from}, ${from} + 299) n`)
    }
    await waitFor(() => live.rows.size === 903)
    expect(events.filter(({ type }) => type === 'snapshot')).toHaveLength(2)
    await live.close()
  })

  it('begins anew when the user changes', async () => {
    await run(`delete from stock`)
    await run(
      `insert into stock values (2, 1, 'hers', 1, '${ada.userId}'), (2, 2, 'his', 1, '${bob.userId}')`,
    )
    const client = await test.served.client(ada.userId)
    const live = watch(client, { table: 'stock' })
    await live.ready
    expect(rowsOf(live, 'name')).toEqual(['hers'])
    await test.served.speakAs(client, await test.served.token(bob.userId))
    await waitFor(() => rowsOf(live, 'name').join() === 'his')
    await run(`insert into stock values (2, 3, 'new', 1, '${bob.userId}')`)
    await waitFor(() => live.rows.size === 2)
    await live.close()
  })

  it.each([
    [{ table: 'nowhere' }, 'table_not_published'],
    [{ table: 'open_to_all', filter: 'n' }, 'malformed_filter'],
    [{ table: 'open_to_all', columns: ['nope'] }, 'malformed_join'],
  ])('%o is refused', async (query, code) => {
    const live = watch(await test.served.client(), query)
    await expect(live.ready).rejects.toMatchObject({ code })
    await expect(
      (async () => {
        for await (const _ of live) expect.unreachable()
      })(),
    ).rejects.toMatchObject({ code })
  })

  it('is refused for a table whose changes do not carry the row before them', async () => {
    await test.database.asOwner({
      text: `create table public.loose (id int primary key);
        alter publication supabase_realtime add table public.loose;`,
    })
    await test.database.asJournal({ text: 'alter publication plinth_tail add table public.loose' })
    const live = watch(await test.served.client(), { table: 'loose' })
    await expect(live.ready).rejects.toMatchObject({ code: 'unwatchable_table' })
  })

  it('is refused for more rows than allowed', async () => {
    await run(`delete from open_to_all`)
    await run(`insert into open_to_all (id) select generate_series(1, 2001)`)
    await expect(watch(await test.served.client(), { table: 'open_to_all' }).ready).rejects.toMatchObject({
      code: 'watch_too_large',
    })
    await run(`delete from open_to_all`)
  })

  it('ends with an error when its policy raises', async () => {
    const live = watch(await test.served.client(ada.userId), { table: 'moody' })
    await live.ready
    await run(`insert into moody values (1)`)
    await waitFor(() => live.rows.size === 1)
    await run(`insert into moody values (13)`)
    await expect(
      (async () => {
        for await (const _ of live) await Promise.resolve()
      })(),
    ).rejects.toMatchObject({ code: 'policy_raised' })
  })
})
