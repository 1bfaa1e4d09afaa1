import { actor, createFakeClock, waitFor } from '@plinth/testing'
import { useRealtime } from '@plinth/testing/realtime'
import { expect, it } from 'vitest'
import { type WatchEvent, watch } from './watch.ts'

const clock = createFakeClock(new Date())
const test = useRealtime({
  seed: `
    create table public.pages (id int primary key, body text, at timestamptz default now(), price numeric, ok boolean);
    create table public.mine (id int primary key, owner uuid, n int);
    alter table public.mine enable row level security;
    create policy own on public.mine for select to authenticated using (owner = (select auth.uid()));`,
  tables: ['pages', 'mine'],
  clock,
  limits: { unsentBytes: 200_000, watchedRows: { user: 5_000 } },
})
const ada = actor('ada')
const bob = actor('bob')
const run = (text: string) => test.database.asOwner({ text })
type Row = Record<string, unknown>

it('a snapshot of many times what may wait for a client arrives as fast as the client reads', async () => {
  await run(`insert into pages select n, repeat('x', 1000) from generate_series(1, 3000) n`)
  const events: WatchEvent<Row>[] = []
  const live = watch(await test.served.client(), { table: 'pages' }, (event) => events.push(event))
  await live.ready
  expect(live.rows.size).toBe(3_000)
  await run(`update pages set body = 'y' where id = 7; delete from pages where id = 8`)
  await waitFor(() => live.rows.get('[7]')?.body === 'y' && !live.rows.has('[8]'))
  expect(events.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
  await live.close()
})

it('a connection that is lost in the middle of a snapshot leaves no half of a copy', async () => {
  const sizes: number[] = []
  const live = watch(await test.served.client(), { table: 'pages' }, (event) => {
    if (event.type === 'snapshot') sizes.push(event.rows.length)
  })
  for (let cut = 0; cut < 5; cut += 1) {
    await waitFor(() => test.served.surface.health().channels > 0)
    test.served.cut()
  }
  await live.ready
  const { rows } = await run('select count(*)::int as n from pages')
  await waitFor(() => live.rows.size === (rows[0] as { n: number }).n)
  expect(new Set(sizes)).toEqual(new Set([live.rows.size]))
  await live.close()
})

it.each([
  ['price=gt.10', 'price > 10'],
  ['price=not.lte.10.5', 'not price <= 10.5'],
  ['ok=is.true', 'ok is true'],
  ['ok=is.null', 'ok is null'],
  ['at=gte.2026-03-01T00:00:00+01:00', `at >= '2026-03-01T00:00:00+01:00'`],
  ['body=like.a%', `body like 'a%'`],
  ['body=imatch.^A.$', `body ~* '^A.$'`],
  ['body=in.(ab,"c,d")', `body in ('ab', 'c,d')`],
  ['id=in.(1,3,5),body=neq.zz', `id in (1, 3, 5) and body <> 'zz'`],
])('a copy with the filter %s holds what the database lets through', async (filter, where) => {
  await run(`delete from pages; insert into pages values
    (1, 'ab', '2026-01-01Z', 10.5, true), (2, 'c,d', '2026-06-01Z', 9, false), (3, null, null, null, null)`)
  const live = watch(await test.served.client(), { table: 'pages', filter, columns: ['id'] })
  await live.ready
  const isExact = async () => {
    const { rows } = await run(`select id from pages where ${where} order by id`)
    const wanted = JSON.stringify(rows.map((row) => (row as Row).id))
    const held = () =>
      JSON.stringify([...live.rows.values()].map(({ id }) => Number(id)).sort((a, b) => a - b))
    await waitFor(() => held() === wanted, { what: `${filter}: ${wanted}` })
  }
  await isExact()
  await run(
    `update pages set price = price + 2, ok = not ok, body = body || 'x', at = at + interval '3 months'`,
  )
  await isExact()
  await run(`insert into pages values (4, 'ab', '2026-03-01 01:00Z', 11, true), (5, 'Az', now(), 1, null)`)
  await run(
    `update pages set body = 'ab', ok = null, price = 11 where id in (2, 3); delete from pages where id = 1`,
  )
  await isExact()
  await live.close()
})

it('goes on after its token has ended, with the next one', async () => {
  await run(`insert into mine values (1, '${ada.userId}', 1)`)
  const client = await test.served.client()
  await test.served.speakAs(client, await test.served.token(ada.userId, 60))
  const live = watch(client, { table: 'mine' })
  await live.ready
  expect(live.rows.size).toBe(1)
  clock.advance(61_000)
  await waitFor(() => test.served.surface.health().channels === 0)
  await run(`insert into mine values (2, '${ada.userId}', 1)`)
  await test.served.speakAs(client, await test.served.token(ada.userId, 3_600))
  await waitFor(() => live.rows.size === 2)
  await live.close()
})

it('a copy that is a user’s is never given what a stranger or another user sees', async () => {
  await run(`delete from mine; insert into mine values (1, '${ada.userId}', 1), (2, '${bob.userId}', 1)`)
  const client = await test.served.client()
  const events: WatchEvent<Row>[] = []
  const live = watch(client, { table: 'mine' }, { user: ada.userId, listener: (event) => events.push(event) })
  const ids = () => [...live.rows.values()].map(({ id }) => id)
  await waitFor(() => client.getChannels().some(({ state }) => state === 'errored'))
  await test.served.speakAs(client, await test.served.token(ada.userId, 3_600))
  await waitFor(() => ids().join() === '1')
  await test.served.speakAs(client, await test.served.token(bob.userId, 3_600))
  await waitFor(() => test.served.surface.health().channels === 0)
  await run(`insert into mine values (3, '${ada.userId}', 1), (4, '${bob.userId}', 1)`)
  expect(ids()).toEqual([1])
  await test.served.speakAs(client, await test.served.token(ada.userId, 3_600))
  await waitFor(() => ids().join() === '1,3')
  expect(JSON.stringify(events)).not.toContain(bob.userId)
  await live.close()
})

it('rows of all watches of a user are bounded, and free again when one ends', async () => {
  await run(`delete from pages; insert into pages select n from generate_series(1, 3000) n`)
  const client = await test.served.client(ada.userId)
  const first = watch(client, { table: 'pages' })
  await first.ready
  const second = watch(client, { table: 'pages', columns: ['body'] })
  await expect(second.ready).rejects.toMatchObject({ code: 'watch_too_large' })
  await first.close()
  const third = watch(client, { table: 'pages', columns: ['body'] })
  await third.ready
  await third.close()
})
