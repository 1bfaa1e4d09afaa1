import { actor, stranger } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

describe('the schema auth', () => {
  const host = useAuthHost({
    seed: `
      create table public.todos (id serial primary key, user_id uuid not null references auth.users (id));
      alter table public.todos enable row level security;
      create policy own on public.todos to authenticated
        using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));`,
  })
  const tables = [
    'users',
    'identities',
    'sessions',
    'refresh_tokens',
    'mfa_amr_claims',
    'flow_state',
    'one_time_tokens',
    'mfa_factors',
    'mfa_challenges',
    'mfa_recovery_codes',
    'audit_log_entries',
  ]

  it('has row level security on every table, and a comment', async () => {
    const { rows } = await host.database.asOwner<{
      name: string
      secured: boolean
      comment: string | null
    }>(sql`
      select relname as name, relrowsecurity as secured, obj_description(oid) as comment
      from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r'`)
    expect(rows.map(({ name }) => name).sort()).toEqual([...tables].sort())
    expect(rows.every(({ secured, comment }) => secured && comment)).toBe(true)
  })

  it('belongs to the system’s owner, who is no superuser', async () => {
    const { rows } = await host.database.asOwner(sql`
      select distinct tableowner, rolsuper from pg_tables join pg_roles on rolname = tableowner
      where schemaname = 'auth'`)
    expect(rows).toEqual([{ tableowner: 'owner_sample', rolsuper: false }])
  })

  it.each(tables)('lets no request touch auth.%s', async (table) => {
    for (const caller of [stranger, actor('ada')]) {
      for (const text of [
        `select * from auth.${table}`,
        `delete from auth.${table}`,
        `insert into auth.${table} default values`,
      ]) {
        await expect(host.database.asCaller(caller, { text })).rejects.toMatchObject({ code: '42501' })
      }
    }
  })

  it('lets no request rotate tokens', async () => {
    const text = `select * from plinth.rotate_refresh_token('', '', '', now(), interval '0', interval '0', interval '0')`
    for (const caller of [stranger, actor('ada')]) {
      await expect(host.database.asCaller(caller, { text })).rejects.toMatchObject({ code: '42501' })
    }
  })

  it('is what systems’ foreign keys and policies may count on', async () => {
    const { body } = await host.signUp('ada@example.test')
    const caller = { role: 'authenticated', claims: { sub: body.user.id, role: 'authenticated' } }
    await host.database.asCaller(caller, sql`insert into public.todos (user_id) values (${body.user.id})`)
    const { rows } = await host.database.asCaller(caller, sql`select user_id from public.todos`)
    expect(rows).toEqual([{ user_id: body.user.id }])
    await expect(
      host.database.asCaller(
        actor('nobody'),
        sql`insert into public.todos (user_id) values (${actor('nobody').userId})`,
      ),
    ).rejects.toMatchObject({ code: '23503' })
  })
})
