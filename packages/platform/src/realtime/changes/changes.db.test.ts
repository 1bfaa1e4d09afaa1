import { actor, service, waitFor } from '@plinth/testing'
import { listenTo, subscribed, useRealtime } from '@plinth/testing/realtime'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'

const seed = `
create table public.notes (
  id int primary key, owner uuid, title text not null, amount numeric(10,2), tags text[], data jsonb,
  done boolean not null default false, at timestamptz, big bigint
);
alter table public.notes enable row level security;
create policy "own notes" on public.notes for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));

create table public.board (id int primary key, status text, score numeric, done boolean, code char(4), secret text);
revoke select on public.board from anon, authenticated;
grant select (id, status, score, done, code) on public.board to anon, authenticated;

create table public.touchy (id int primary key, owner uuid);
alter table public.touchy enable row level security;
create policy "raises for some" on public.touchy for select to authenticated
  using (case auth.jwt() ->> 'mood' when 'raise' then 1 / (id - id) = 1 when 'sleep' then pg_sleep(5) is not null else true end);

create table public.members (team int, person uuid, primary key (team, person));
create table public.tasks (id int primary key, team int, title text);
alter table public.tasks enable row level security;
create policy "of my teams" on public.tasks for select to authenticated using (
  exists (select from public.members m where m.team = tasks.team and m.person = (select auth.uid())));
create policy "never drafts" on public.tasks as restrictive for select to authenticated using (title <> 'draft');

create table public.unlisted (id int primary key);
`

const test = useRealtime({
  seed,
  tables: ['notes', 'board', 'touchy', 'members', 'tasks'],
  limits: { policyMilliseconds: 1_000 },
})
const ada = actor('ada')
const bob = actor('bob')

const listenAs = async (
  user: string | undefined,
  ...rest: Parameters<typeof listenTo> extends [unknown, ...infer R] ? R : never
) => listenTo(await test.served.client(user), ...rest)

const run = (text: string) => test.database.asCaller(service, { text })

describe('what a change looks like', () => {
  it('arrives with values as rest gives them, through both serializers', async () => {
    const mine = await listenAs(ada.userId, { table: 'notes' })
    const others = await listenTo(await test.served.client(bob.userId, { vsn: '1.0.0' }), { table: 'notes' })
    expect([mine.status, others.status]).toEqual(['SUBSCRIBED', 'SUBSCRIBED'])
    await test.database.asCaller(
      ada,
      sql`insert into notes values (1, ${ada.userId}, 'say "hi"', 12.50, '{a,"b,c",NULL}', '{"x": [1, 2]}', true,
        '2026-01-02T03:04:05.123456Z', 9007199254740993)`,
    )
    await test.database.asCaller(
      bob,
      sql`insert into notes (id, owner, title) values (2, ${bob.userId}, 'bobs')`,
    )
    await waitFor(() => mine.changes.length === 1 && others.changes.length === 1)
    expect(mine.changes[0]).toMatchObject({
      schema: 'public',
      table: 'notes',
      eventType: 'INSERT',
      commit_timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      new: {
        id: 1,
        title: 'say "hi"',
        amount: 12.5,
        tags: ['a', 'b,c', null],
        data: { x: [1, 2] },
        done: true,
        at: '2026-01-02T03:04:05.123456+00:00',
      },
      old: {},
      errors: null,
    })
    expect(others.changes[0]).toMatchObject({ eventType: 'INSERT', new: { id: 2, title: 'bobs' } })
    await waitFor(() => mine.system.length > 0)
    expect(mine.system[0]).toMatchObject({ status: 'ok', message: 'Subscribed to PostgreSQL' })
  })

  it('shows the row before an update or delete to whom it was visible', async () => {
    await run(`insert into notes (id, owner, title) values (10, '${ada.userId}', 'before')`)
    await test.served.tail.synchronise()
    const mine = await listenAs(ada.userId, { table: 'notes' })
    await run(`update notes set title = 'after' where id = 10`)
    await run(`delete from notes where id = 10`)
    await waitFor(() => mine.changes.length === 2)
    expect(mine.changes[0]).toMatchObject({
      old: { id: 10, title: 'before' },
      new: { id: 10, title: 'after' },
    })
    expect(mine.changes[1]).toMatchObject({ eventType: 'DELETE', new: {}, old: { id: 10, title: 'after' } })
  })

  it('holds only columns that the role may read, and only those that were asked for', async () => {
    const all = await listenAs(undefined, { table: 'board' })
    const few = await listenAs(undefined, { table: 'board', select: ['status'] })
    await run(`insert into board values (1, 'open', 5, true, 'ab', 'hidden')`)
    await waitFor(() => all.changes.length === 1 && few.changes.length === 1)
    expect(all.changes[0]?.new).toEqual({ id: 1, status: 'open', score: 5, done: true, code: 'ab  ' })
    expect(few.changes[0]?.new).toEqual({ id: 1, status: 'open' })
  })

  it('comes once for all listeners of a channel that it concerns', async () => {
    const client = await test.served.client(ada.userId)
    const heard: string[] = []
    const channel = client.channel('several')
    channel.on('postgres_changes', { event: '*', schema: 'public', table: 'board' }, () => heard.push('all'))
    channel.on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'board' }, () =>
      heard.push('inserts'),
    )
    channel.on('postgres_changes', { event: 'DELETE', schema: 'public', table: 'board' }, () =>
      heard.push('deletes'),
    )
    channel.on('postgres_changes', { event: '*', schema: 'public' }, () => heard.push('schema'))
    await new Promise<void>((resolve) => channel.subscribe((status) => status === 'SUBSCRIBED' && resolve()))
    await run(`insert into board (id) values (2)`)
    await waitFor(() => heard.length === 3)
    await run(`delete from board where id = 2`)
    await waitFor(() => heard.length === 6)
    expect(heard).toEqual(['all', 'inserts', 'schema', 'all', 'deletes', 'schema'])
  })
})

describe('policies', () => {
  it('are applied to the row as it was when it changed, though it changed again meanwhile', async () => {
    const [a, b] = [
      await listenAs(ada.userId, { table: 'notes' }),
      await listenAs(bob.userId, { table: 'notes' }),
    ]
    const both = [
      run(`insert into notes (id, owner, title) values (20, '${ada.userId}', 'hers')`),
      run(`update notes set owner = '${bob.userId}', title = 'his' where id = 20`),
      run(`delete from notes where id = 20`),
    ]
    await both[0]
    await Promise.all(both)
    await test.database.asCaller(
      service,
      sql`insert into notes (id, owner, title) values (21, ${bob.userId}, 'end')`,
    )
    await waitFor(() => b.changes.some((change) => (change.new as { id?: number }).id === 21))
    const told = (changes: typeof a.changes) =>
      changes.map(({ eventType, new: now, old }) => [eventType, now, old])
    for (const [eventType, now, old] of [...told(a.changes), ...told(b.changes)]) {
      // Whichever order the writers took, nobody is shown a title that was not theirs.
      const seen = JSON.stringify([eventType, now, old])
      if (told(a.changes).some((change) => JSON.stringify(change) === seen)) expect(seen).not.toContain('his')
      if (told(b.changes).some((change) => JSON.stringify(change) === seen))
        expect(seen).not.toContain('hers')
    }
    expect(a.changes[0]).toMatchObject({ eventType: 'INSERT', new: { title: 'hers' } })
  })

  it('with restrictive ones and other tables count, and a change of the policies counts at once', async () => {
    await run(`insert into members values (1, '${ada.userId}'), (2, '${bob.userId}')`)
    const [a, b] = [
      await listenAs(ada.userId, { table: 'tasks' }),
      await listenAs(bob.userId, { table: 'tasks' }),
    ]
    await run(`insert into tasks values (1, 1, 'for ada'), (2, 2, 'for bob'), (3, 1, 'draft')`)
    await waitFor(() => a.changes.length === 1 && b.changes.length === 1)
    await test.database.asOwner({ text: `drop policy "of my teams" on tasks` })
    await test.database.asOwner({
      text: `create policy "odd ones" on tasks for select to authenticated using (id % 2 = 1)`,
    })
    await run(`insert into tasks values (4, 1, 'even'), (5, 2, 'odd')`)
    await waitFor(() => a.changes.length === 2 && b.changes.length === 2)
    expect(a.changes.map((change) => (change.new as { id: number }).id)).toEqual([1, 5])
    expect(b.changes.map((change) => (change.new as { id: number }).id)).toEqual([2, 5])
  })

  it('that take the whole row count too, also after the table got another column', async () => {
    await test.database.asOwner({
      text: `create table public.whole (id int primary key, level int);
        alter table public.whole enable row level security, replica identity full;
        create function public.may_see(public.whole) returns boolean language sql immutable as 'select $1.level > 1';
        grant execute on function public.may_see(public.whole) to authenticated;
        create policy "high ones" on public.whole for select to authenticated using (may_see(whole));
        alter publication supabase_realtime add table public.whole;`,
    })
    await test.database.asJournal({ text: 'alter publication plinth_tail add table public.whole' })
    const a = await listenAs(ada.userId, { table: 'whole' })
    expect(a.status).toBe('SUBSCRIBED')
    await run(`insert into whole values (1, 1), (2, 2)`)
    await waitFor(() => a.changes.length === 1)
    await test.database.asOwner({ text: `alter table public.whole add column note text` })
    await run(`insert into whole values (3, 1, 'low'), (4, 4, 'high')`)
    await waitFor(() => a.changes.length === 2)
    expect(a.changes.map((change) => change.new)).toEqual([
      { id: 2, level: 2 },
      { id: 4, level: 4, note: 'high' },
    ])
  })

  it('do not bind the service key', async () => {
    const all = await listenTo(
      await test.served.client(undefined, { key: test.served.keys.serviceRoleKey }),
      {
        table: 'notes',
      },
    )
    await run(`insert into notes (id, owner, title) values (30, '${bob.userId}', 'x')`)
    await waitFor(() => all.changes.length === 1)
  })

  it('AT-31: that raise or hang for one subscriber take only that subscription away', async () => {
    const moody = async (mood: string) => {
      const client = await test.served.client()
      const claims = {
        sub: ada.userId,
        role: 'authenticated',
        aud: 'authenticated',
        mood,
        iat: 1,
        exp: 4_000_000_000,
      }
      await test.served.speakAs(client, await test.served.keys.sign(claims))
      return listenTo(client, { table: 'touchy' })
    }
    const [calm, raising, sleeping] = [await moody('calm'), await moody('raise'), await moody('sleep')]
    await run(`insert into touchy values (1, null)`)
    await waitFor(() => calm.changes.length === 1, { timeout: 8_000 })
    await waitFor(() => raising.system.some(({ status }) => status === 'error'))
    await waitFor(() => sleeping.system.some(({ status }) => status === 'error'))
    expect(raising.system.at(-1)).toMatchObject({
      extension: 'postgres_changes',
      message: expect.stringMatching(/policy_raised.*SQLSTATE 22012/),
    })
    expect(raising.channel.state).toBe('joined')
    const before = performance.now()
    await run(`insert into touchy values (2, null)`)
    await waitFor(() => calm.changes.length === 2)
    expect(performance.now() - before).toBeLessThan(500)
    expect(raising.changes).toEqual([])
  })
})

describe('deletes', () => {
  it('of a table without full images show the key only, to everyone who listens', async () => {
    await test.database.asOwner({
      text: `create table public.plain (id int primary key, owner uuid, title text);
        alter table public.plain enable row level security;
        create policy own on public.plain for select to authenticated using (owner = (select auth.uid()));
        alter publication supabase_realtime add table public.plain;`,
    })
    await test.database.asJournal({ text: 'alter publication plinth_tail add table public.plain' })
    const [a, filtered] = [
      await listenAs(ada.userId, { table: 'plain' }),
      await listenAs(ada.userId, { table: 'plain', filter: 'title=eq.hers' }),
    ]
    await run(`insert into plain values (1, '${ada.userId}', 'hers'), (2, '${bob.userId}', 'his')`)
    await run(`update plain set title = 'still hers' where id = 1`)
    await run(`delete from plain where id = 2`)
    await waitFor(() => a.changes.length === 3)
    expect(a.changes.map(({ eventType, old }) => [eventType, old])).toEqual([
      ['INSERT', {}],
      ['UPDATE', { id: 1 }],
      ['DELETE', { id: 2 }],
    ])
    expect(filtered.changes.map(({ eventType }) => eventType)).toEqual(['INSERT'])
  })
})

describe('filters', () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['status=eq.open', [1]],
    ['status=neq.open', [2, 3]],
    ['status=in.(open,"a,b")', [1, 2]],
    ['id=gt.1,id=lte.3', [2, 3]],
    ['id=not.in.(1,2)', [3, 4]],
    ['score=eq.1', [1]],
    ['score=gte.1.5', [2, 3]],
    ['status=like.%pe%', [1]],
    ['status=ilike.OPEN', [1]],
    ['status=match.^(open|done)$', [1, 3]],
    ['status=is.null', [4]],
    ['status=not.is.null', [1, 2, 3]],
    ['status=isdistinct.open', [2, 3, 4]],
    ['done=eq.true', [1, 3]],
    ['done=is.false', [2]],
    ['code=eq.ab', [1]],
  ]
  it('let through what the database would, by the types of the columns', async () => {
    await run('delete from board')
    const client = await test.served.client()
    // The deletion may still be on its way when they are armed.
    const listening = await Promise.all(
      cases.map(([filter]) => listenTo(client, { event: 'INSERT', table: 'board', filter })),
    )
    expect(listening.map(({ status }) => status)).toEqual(cases.map(() => 'SUBSCRIBED'))
    await run(`insert into board values
      (1, 'open', 1.00, true, 'ab', ''), (2, 'a,b', 1.5, false, 'cd', ''), (3, 'done', 2, true, null, ''), (4, null, null, null, null, '')`)
    const end = await listenAs(undefined, { table: 'members' })
    await run(`insert into members values (9, '${ada.userId}')`)
    await waitFor(() => end.changes.length === 1)
    const found = listening.map(({ changes }) => changes.map((change) => (change.new as { id: number }).id))
    expect(Object.fromEntries(cases.map(([filter], index) => [filter, found[index]]))).toEqual(
      Object.fromEntries(cases),
    )
  })

  it.each([
    ['status', 'column=operator.value'],
    ['status=almost.open', 'no operator almost'],
    ['id=eq.one', 'does not fit the type'],
    ['id=in.1', 'list in parentheses'],
    ['id=in.(1', 'not closed'],
    ['status=match.(', 'regular expression is not valid'],
    ['status=is.open', 'is takes'],
    ['secret=eq.x', 'no column secret'],
    ['missing=eq.x', 'no column missing'],
    ["id=eq.1'; drop table board; --", 'does not fit the type'],
    ['status=eq.open,', 'comma'],
  ])('%s is refused', async (filter, problem) => {
    const { status } = await listenAs(undefined, { table: 'board', filter })
    expect(status).toContain('CHANNEL_ERROR malformed_filter')
    expect(status).toContain(problem)
  })
})

describe('tables', () => {
  it.each([
    [{ table: 'unlisted' }, 'table_not_published'],
    [{ table: 'nowhere', filter: 'id=eq.1' }, 'table_not_published'],
    [{ schema: 'auth', table: 'users' }, 'table_not_published'],
  ])('%o are a problem of that listener alone', async (wanted, code) => {
    const heard: unknown[] = []
    const system: { status: string; message: string; extension: string }[] = []
    const channel = (await test.served.client()).channel(`beside ${wanted.table}`)
    channel.on('postgres_changes', { event: '*', schema: 'public', ...wanted }, () => heard.push('wrong'))
    channel.on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'members' }, () =>
      heard.push('right'),
    )
    channel.on('system', {}, (message) => system.push(message))
    expect(await subscribed(channel)).toBe('SUBSCRIBED')
    await waitFor(() => system.length === 2)
    expect(system).toMatchObject([
      { status: 'error', extension: 'postgres_changes', message: expect.stringContaining(code) },
      { status: 'ok', extension: 'postgres_changes' },
    ])
    await run(`insert into members select coalesce(max(team), 0) + 1, '${ada.userId}' from members`)
    await waitFor(() => heard.length > 0)
    expect(heard).toEqual(['right'])
  })

  it('and columns that the role may not read are refused', async () => {
    const { status } = await listenAs(undefined, { table: 'board', select: ['secret'] })
    expect(status).toContain('CHANNEL_ERROR malformed_join')
    await test.database.asOwner({ text: 'revoke select on members from anon' })
    const members = await listenAs(undefined, { table: 'members' })
    await waitFor(() => members.system.length > 0)
    expect(members.system).toMatchObject([
      { status: 'error', message: expect.stringContaining('table_not_readable') },
    ])
  })
})
