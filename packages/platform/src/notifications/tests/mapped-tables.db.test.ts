import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { notificationsOffer } from '../index.ts'
import { fakeChannels, notNow } from './fake-channels.ts'
import { messagesSystem } from './messages-system.ts'
import { deliver, deliveryOptions } from './open-delivery.ts'

const ada = actor('ada')
const ben = actor('ben')

/** Tables as courses asks for them: the words of their own, and enums. */
const schema = `
  create type public.notification_status as enum ('pending', 'sent', 'failed', 'cancelled');
  create table public.notifications_queue (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references auth.users on delete cascade,
    type text not null check (type in ('email', 'sms', 'in_app')),
    channel text not null default 'transactional' check (channel in ('transactional', 'marketing', 'alert')),
    recipient text,
    subject text,
    content text not null,
    status public.notification_status not null default 'pending',
    priority text not null default 'medium' check (priority in ('low', 'medium', 'high', 'urgent')),
    retry_count int not null default 0,
    scheduled_for timestamptz not null default now(),
    sent_at timestamptz,
    error_message text,
    metadata jsonb not null default '{}'
  );
  create table public.in_app_notifications (
    id bigint generated always as identity primary key,
    user_id uuid not null,
    title text not null,
    message text not null,
    type text not null default 'info',
    action_url text,
    read_at timestamptz
  );
  create table public.notification_preferences (
    user_id uuid primary key,
    email_enabled boolean not null default true,
    sms_enabled boolean not null default false,
    in_app_enabled boolean not null default true,
    marketing_enabled boolean not null default false
  );
  alter table public.notifications_queue enable row level security;
  alter table public.in_app_notifications enable row level security;
  alter table public.notification_preferences enable row level security;
  create policy "own" on public.notifications_queue to authenticated using (true) with check (true);
  select plinth.map_notifications('queue', 'public.notifications_queue', '{"person": "user_id", "channel": "type",
    "purpose": "channel", "address": "recipient", "body": "content", "attempts": "retry_count", "error": "error_message", "data": "metadata"}');
  select plinth.map_notifications('in_app', 'public.in_app_notifications', '{"person": "user_id", "level": "type"}');
  select plinth.map_notifications('preferences', 'public.notification_preferences', '{"person": "user_id", "email": "email_enabled",
    "sms": "sms_enabled", "in_app": "in_app_enabled", "marketing": "marketing_enabled"}');
  create function public.enrol(p_other uuid) returns void language sql security definer set search_path = '' as $$
    insert into public.notifications_queue (user_id, type, content) values (p_other, 'email', 'Somebody enrolled.') $$;
  grant execute on function public.enrol(uuid) to authenticated;`

describe('tables of a system', () => {
  const system = useSystem(messagesSystem({ brings: { inApp: true, preferences: true } }, schema))
  const channels = fakeChannels()
  const { mail, sms } = channels
  const run = () => deliver(deliveryOptions(system, { mail, sms }))
  const rows = async () =>
    (
      await system.database.asOwner<Record<string, unknown>>(
        sql`select status, retry_count, sent_at is not null as sent, error_message from public.notifications_queue order by content`,
      )
    ).rows
  const insert = (text: string, as: 'service' | typeof ada = 'service', method = 'POST', query = '') =>
    system.request(`/rest/v1/notifications_queue${query}`, { method, as, body: JSON.parse(text) as unknown })
  beforeAll(() => system.signUp(ada, ben))
  beforeEach(async () => {
    channels.clear()
    await system.database.asOwner(sql`delete from public.notifications_queue`)
    await system.database.asOwner(sql`delete from public.in_app_notifications`)
    await system.database.asOwner(sql`delete from public.notification_preferences`)
  })

  it('queue a message by a plain insert, and say what became of it', async () => {
    await insert(
      JSON.stringify({
        user_id: ada.userId,
        type: 'in_app',
        content: 'Hi',
        metadata: { title: 'Welcome', level: 'success' },
      }),
    )
    expect((await system.jobs.runDue()).map(({ job }) => job)).toContain('deliver-in-app')
    await insert(
      JSON.stringify({ user_id: ada.userId, type: 'email', subject: 'Paid', content: 'Thank you.' }),
    )
    await run()
    expect([...channels.mails.values()]).toMatchObject([
      { to: ada.claims.email, subject: 'Paid', text: 'Thank you.' },
    ])
    const { rows: inApp } = await system.database.asOwner(
      sql`select user_id, title, message, type from public.in_app_notifications`,
    )
    expect(inApp).toEqual([{ user_id: ada.userId, title: 'Welcome', message: 'Hi', type: 'success' }])
    expect(await rows()).toEqual([
      { status: 'sent', retry_count: 0, sent: true, error_message: null },
      { status: 'sent', retry_count: 0, sent: true, error_message: null },
    ])
  })

  it('count failures, fail at the third, and begin anew with the status', async () => {
    await insert(JSON.stringify({ user_id: ada.userId, type: 'email', content: 'x' }))
    channels.go(notNow)
    for (const count of [1, 2, 3]) {
      await run()
      expect(await rows()).toMatchObject([
        { retry_count: count, status: count < 3 ? 'pending' : 'failed', error_message: 'not now' },
      ])
      system.clock.advance(3_600_000)
    }
    channels.clear()
    await insert('{"status":"pending"}', 'service', 'PATCH', '?content=eq.x')
    await run()
    expect(await rows()).toMatchObject([{ status: 'sent' }])
  })

  it('hold what only the platform has words for in their data', async () => {
    const messages = system.project.offer(notificationsOffer)
    await messages
      .send({
        to: { person: ada.userId },
        channels: ['email'],
        template: 'booking-confirmed',
        variables: { service: 'Cut' },
        dedupeKey: 'a',
      })
      .catch((error: unknown) => expect(error).toMatchObject({ code: '23502' }))
    await messages.send({
      to: { person: ada.userId },
      channels: ['email'],
      body: '-',
      template: 'booking-confirmed',
      variables: { service: 'Cut' },
    })
    await run()
    expect([...channels.mails.values()]).toMatchObject([{ subject: 'Booked: Cut' }])
  })

  it('AT-34: somebody without a row of preferences gets the defaults, one with a row what it says', async () => {
    await insert(JSON.stringify({ user_id: ada.userId, type: 'email', content: 'a' }))
    await system.database.asOwner(
      sql`insert into public.notification_preferences (user_id, email_enabled) values (${ben.userId}, false)`,
    )
    await insert(JSON.stringify({ user_id: ben.userId, type: 'email', content: 'b' }))
    await run()
    expect(await rows()).toMatchObject([
      { status: 'sent' },
      { status: 'cancelled', error_message: 'the person has email switched off' },
    ])
  })

  it('let a client write to itself only, at its own address', async () => {
    const answer = await insert(JSON.stringify({ user_id: ben.userId, type: 'email', content: 'spam' }), ada)
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'PT403', details: expect.stringContaining('notification_not_yours') },
    })
    const elsewhere = { user_id: ada.userId, type: 'email', content: 'spam', recipient: 'victim@example.com' }
    expect((await insert(JSON.stringify(elsewhere), ada)).status).toBe(403)
    expect(
      (await insert(JSON.stringify({ user_id: ada.userId, type: 'email', content: 'me' }), ada)).status,
    ).toBe(201)
    expect((await insert('{"recipient":"victim@example.com"}', ada, 'PATCH', '?content=eq.me')).status).toBe(
      204,
    )
    await run()
    expect(channels.to()).toEqual([ada.claims.email])
    await insert(JSON.stringify({ user_id: ben.userId, type: 'email', content: 'from the system' }))
    expect(
      (await insert('{"recipient":"victim@example.com"}', ada, 'PATCH', '?content=eq.from%20the%20system'))
        .status,
    ).toBe(204)
    await run()
    expect(channels.to()).toEqual([ada.claims.email, ben.claims.email])
  })

  it('let the system’s own functions write to others on behalf of a client', async () => {
    const answer = await system.request('/rest/v1/rpc/enrol', {
      method: 'POST',
      as: ada,
      body: { p_other: ben.userId },
    })
    expect(answer.status).toBe(204)
    await run()
    expect(channels.to()).toEqual([ben.claims.email])
  })

  it('follow many rows at once', async () => {
    await system.database.asOwner(sql`
      insert into public.notifications_queue (user_id, type, content) select ${ada.userId}, 'in_app', 'n' || n from generate_series(1, 2000) n`)
    expect(await run()).toMatchObject({ inApp: 2_000 })
    const { rows: left } = await system.database.asOwner(
      sql`select from public.notifications_queue where status <> 'sent'`,
    )
    expect(left).toEqual([])
  })

  it.each([
    [`'queue', 'public.notification_preferences'`, 'needs more columns'],
    [`'queue', 'public.notifications_queue', '{"person": "nobody"}'`, 'no such column or role: nobody'],
    [`'queue', 'public.notifications_queue', '{"colour": "id"}'`, 'no such column or role: colour'],
    [`'letters', 'public.notifications_queue'`, 'there is no kind letters'],
  ])('are refused when they do not fit: %s', async (given, problem) => {
    await expect(
      system.database.asOwner({ text: `select plinth.map_notifications(${given})` }),
    ).rejects.toThrow(problem)
  })
})
