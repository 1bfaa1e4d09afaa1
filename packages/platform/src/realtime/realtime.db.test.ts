import { actor, useTestDatabase, waitFor } from '@plinth/testing'
import type { RealtimeChannel } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../database/index.ts'
import { readTailMigrations } from '../tail/index.ts'
import { readRealtimeMigrations } from './index.ts'
import { type ServedRealtime, serveRealtime } from './testing/serve-realtime.ts'

const seed = `
create table public.notes (
  id int primary key, owner uuid, title text not null, amount numeric(10,2), tags text[], data jsonb,
  done boolean not null default false, at timestamptz, big bigint
);
alter table public.notes enable row level security;
create policy "own notes" on public.notes for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
create table public.board (id int primary key, status text, score numeric, secret text);
revoke select on public.board from anon, authenticated;
grant select (id, status, score) on public.board to anon, authenticated;
create table public.unlisted (id int primary key);
`
const test = useTestDatabase({ migrations: [readTailMigrations(), readRealtimeMigrations()], seed })
const ada = actor('ada')
const bob = actor('bob')
let served: ServedRealtime

beforeAll(async () => {
  served = await serveRealtime({ database: test.database, tables: ['notes', 'board'] })
})
afterAll(async () => {
  await served?.stop()
})

const subscribed = (channel: RealtimeChannel) =>
  new Promise<string>((resolve) => {
    channel.subscribe((status, error) => resolve(error ? `${status} ${error.message}` : status))
  })

describe('postgres_changes', () => {
  it('brings what commits after SUBSCRIBED to those whose policies show it, with values as rest gives them', async () => {
    const [mine, others] = [[] as unknown[], [] as unknown[]]
    const [a, b] = [await served.client(ada.userId), await served.client(bob.userId, { vsn: '1.0.0' })]
    const listen = (client: typeof a, into: unknown[]) =>
      client
        .channel('notes')
        .on('postgres_changes', { event: '*', schema: 'public', table: 'notes' }, (change) =>
          into.push(change),
        )
    expect(await subscribed(listen(a, mine))).toBe('SUBSCRIBED')
    expect(await subscribed(listen(b, others))).toBe('SUBSCRIBED')
    await test.database.asCaller(
      ada,
      sql`insert into notes values (1, ${ada.userId}, 'say "hi"', 12.50, '{a,"b,c",NULL}', '{"x": [1, 2]}', true,
        '2026-01-02T03:04:05.123456Z', 9007199254740993)`,
    )
    await test.database.asCaller(
      bob,
      sql`insert into notes (id, owner, title) values (2, ${bob.userId}, 'bobs')`,
    )
    await waitFor(() => mine.length === 1 && others.length === 1)
    expect(mine[0]).toMatchObject({
      schema: 'public',
      table: 'notes',
      eventType: 'INSERT',
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
    expect(others[0]).toMatchObject({ eventType: 'INSERT', new: { id: 2, title: 'bobs' } })
  })
})
