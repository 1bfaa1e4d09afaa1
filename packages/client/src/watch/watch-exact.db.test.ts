import { actor, waitFor } from '@plinth/testing'
import { useRealtime } from '@plinth/testing/realtime'
import { afterEach, describe, expect, it } from 'vitest'
import { type Watch, type WatchEvent, watch } from './watch.ts'

const seed = `
create table public.teams (id int primary key);
create table public.members (team int references public.teams on delete cascade, person uuid, primary key (team, person));
create table public.tasks (
  id int primary key, team int references public.teams on delete cascade, title text not null, n int not null default 0);
alter table public.tasks enable row level security;
create policy mine on public.tasks for select to authenticated using (
  exists (select from public.members m where m.team = tasks.team and m.person = (select auth.uid())));

-- Access that the stream of changes does not carry, behind a function.
create schema hidden;
create table hidden.access (team int, person uuid, primary key (team, person));
create function public.may_read(of int) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from hidden.access a where a.team = may_read.of and a.person = (select auth.uid())) $$;
grant execute on function public.may_read(int) to authenticated;
create table public.papers (id int primary key, team int, title text not null, n int not null default 0);
alter table public.papers enable row level security;
create policy readers on public.papers for select to authenticated using (may_read(team));
`
const test = useRealtime({
  seed,
  connections: { requests: 20, owner: 4 },
  tables: ['teams', 'members', 'tasks', 'papers'],
  limits: { recheckMilliseconds: 200 },
})
/** A long form is played with more. */
const rounds = Number(process.env.PLINTH_TEST_WATCH_ROUNDS ?? 8)
const [ada, bob] = [actor('ada'), actor('bob')]
const run = (text: string) => test.database.asOwner({ text })
const asOwner = (text: string) => test.database.asOwner({ text })

type Row = Record<string, unknown>
interface Watched {
  readonly live: Watch<Row>
  readonly events: WatchEvent<Row>[]
  /** Resolves when the copy is what the user would read now. */
  isExact(): Promise<void>
}
const open: Watch<Row>[] = []
const ends: Error[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((live) => live.close()))
  expect(ends.splice(0)).toEqual([])
})

async function watchAs(user: typeof ada, table: string, filter?: string, where = 'true'): Promise<Watched> {
  const events: WatchEvent<Row>[] = []
  // A watch that the server ends would only be waited for.
  const failed = (error: Error) => ends.push(error)
  const live = watch(
    await test.served.client(user.userId),
    { table, ...(filter ? { filter } : {}) },
    { listener: (event) => events.push(event), failed },
  )
  open.push(live)
  await live.ready
  const sorted = (rows: Iterable<Row>) => [...rows].sort((one, other) => Number(one.id) - Number(other.id))
  const isExact = async () => {
    let shown = ''
    const look = async () => {
      const { rows } = await test.database.asCaller<Row>(user, {
        text: `select * from ${table} where ${where}`,
      })
      shown = `${JSON.stringify(sorted(live.rows.values()))} to become ${JSON.stringify(sorted(rows))}`
      return JSON.stringify(sorted(rows)) === JSON.stringify(sorted(live.rows.values()))
    }
    await waitFor(look, { timeout: 20_000 }).catch((cause: unknown) => {
      throw new Error(
        `The copy of ${table} where ${where} did not come: ${shown}, ${JSON.stringify(events.slice(-6))}`,
        { cause },
      )
    })
  }
  return { live, events, isExact }
}

describe('a watched copy', () => {
  it('loses the rows of a team that is deleted with its memberships and tasks in one statement', async () => {
    await run(`insert into teams values (1), (2);
      insert into members values (1, '${ada.userId}'), (2, '${ada.userId}');
      insert into tasks values (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c')`)
    const mine = await watchAs(ada, 'tasks')
    expect(mine.live.rows.size).toBe(3)
    await run(`delete from teams where id = 1`)
    await mine.isExact()
    expect([...mine.live.rows.values()].map(({ id }) => id)).toEqual([2])
    // Told by their keys: nothing had to be read again.
    expect(mine.events.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
  })

  it('follows memberships that come and go without any change of its rows', async () => {
    await run(`delete from teams; insert into teams values (1), (2);
      insert into tasks values (1, 1, 'a'), (2, 2, 'b')`)
    const mine = await watchAs(ada, 'tasks')
    expect(mine.live.rows.size).toBe(0)
    await run(`insert into members values (1, '${ada.userId}')`)
    await waitFor(() => mine.live.rows.size === 1)
    await run(`insert into members values (2, '${ada.userId}')`)
    await waitFor(() => mine.live.rows.size === 2)
    await run(`delete from members where team = 1`)
    await waitFor(() => mine.live.rows.size === 1)
    // What nobody else sees is not told to others either.
    await run(`delete from tasks where team = 1`)
    await mine.isExact()
  })

  // A copy is compared once the stream has come past what was read; the other test files share that stream's WAL.
  const patient = { timeout: 60_000 }

  it('follows access that the stream does not carry', { timeout: 150_000 }, async () => {
    await run(`insert into papers values (1, 1, 'a'), (2, 2, 'b')`)
    const mine = await watchAs(bob, 'papers')
    expect(mine.live.rows.size).toBe(0)
    await asOwner(`insert into hidden.access values (1, '${bob.userId}')`)
    await waitFor(() => ends.length > 0 || mine.live.rows.size === 1, patient)
    await asOwner(`delete from hidden.access`)
    await waitFor(() => ends.length > 0 || mine.live.rows.size === 0, patient)
    await run(`delete from papers`)
  })

  it('follows a policy that is changed, and row security that is switched', async () => {
    await run(
      `delete from teams; insert into teams values (1); insert into tasks values (1, 1, 'a'), (2, 1, 'b')`,
    )
    const mine = await watchAs(bob, 'tasks')
    await asOwner(`create policy open on tasks for select to authenticated using (title = 'a')`)
    await waitFor(() => mine.live.rows.size === 1)
    await asOwner(`alter table tasks disable row level security`)
    await waitFor(() => mine.live.rows.size === 2)
    await asOwner(`alter table tasks enable row level security; drop policy open on tasks`)
    await waitFor(() => mine.live.rows.size === 0)
  })

  it(
    'is the same as a fresh read after any changes of rows, memberships, access and policies',
    async () => {
      await run(`delete from teams; delete from papers`)
      const watched = await Promise.all([
        watchAs(ada, 'tasks'),
        watchAs(bob, 'tasks'),
        watchAs(ada, 'tasks', 'n=gt.2', 'n > 2'),
        watchAs(bob, 'tasks', 'title=like.a%', `title like 'a%'`),
        watchAs(ada, 'papers'),
        watchAs(bob, 'papers', 'title=neq.b', `title <> 'b'`),
      ])
      let state = Number(process.env.PLINTH_TEST_SEED ?? 20_261_121)
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return Math.floor((state / 0x80000000) * below)
      }
      const person = () => (random(2) === 0 ? ada : bob).userId
      const word = () => ['a', 'ab', 'b', 'c'][random(4)]
      const id = () => random(12)
      const team = () => random(4)
      const inserted = (table: string) =>
        `insert into ${table} values (${id()}, ${team()}, '${word()}', ${random(6)}) on conflict do nothing`
      const steps: readonly (() => Promise<unknown>)[] = [
        () => run(`insert into teams values (${team()}) on conflict do nothing`),
        () => run(`insert into teams select n from generate_series(0, 3) n on conflict do nothing`),
        () => run(`delete from teams where id = ${team()}`),
        () =>
          run(
            `insert into members select id, '${person()}' from teams where id = ${team()} on conflict do nothing`,
          ),
        () => run(`delete from members where team = ${team()} and person = '${person()}'`),
        () =>
          run(
            `insert into tasks select ${id()}, id, '${word()}', ${random(6)} from teams on conflict do nothing`,
          ),
        () => run(`update tasks set n = n + 1 where id % 3 = ${random(3)}`),
        () => run(`update tasks set title = '${word()}' where id = ${id()}`),
        () =>
          run(
            `update tasks set id = id + 20 where id = ${id()} and not exists (select from tasks where id > 11)`,
          ),
        () => run(`update tasks set team = (select min(id) from teams) where id = ${id()}`),
        () => run(`delete from tasks where id = ${id()}`),
        () => run(inserted('papers')),
        () => run(`update papers set team = ${team()}, n = n + 1 where id = ${id()}`),
        () => run(`delete from papers where id = ${id()}`),
        () => asOwner(`insert into hidden.access values (${team()}, '${person()}') on conflict do nothing`),
        () => asOwner(`delete from hidden.access where team = ${team()}`),
        () =>
          asOwner(
            `alter policy readers on papers using (${['may_read(team)', 'may_read(team) or n > 4'][random(2)]})`,
          ),
        () => Promise.resolve(random(3) === 0 && test.served.cut()),
      ]
      for (let round = 0; round < rounds; round += 1) {
        const count = 5 + random(20)
        for (let step = 0; step < count; step += 1) await steps[random(steps.length)]!()
        await Promise.all(watched.map(({ isExact }) => isExact()))
      }
      expect(watched.some(({ events }) => events.some(({ type }) => type === 'changes'))).toBe(true)
    },
    60_000 + rounds * 5_000,
  )
})
