import { defineSystem, useCapabilities } from '@plinth/platform/system'
import { z } from 'zod'
import { keys } from '../index.ts'

const schema = `
  create table public.shops (id uuid primary key default gen_random_uuid(), name text not null);
  alter table public.shops enable row level security;
  create table public.orders (
    id bigint generated always as identity primary key, shop_id uuid not null references public.shops, note text not null default ''
  );
  alter table public.orders enable row level security;
  create policy "keys of the shop" on public.orders to authenticated
    using (shop_id::text = (select plinth.key_tenant()) and (select plinth.key_may('orders:read', plinth.key_tenant())))
    with check (shop_id::text = (select plinth.key_tenant()) and (select plinth.key_may('orders:write', plinth.key_tenant())));
  create table public.lines (id bigint generated always as identity primary key, order_id bigint references public.orders);
  alter table public.lines enable row level security;
  create policy "everybody" on public.lines to authenticated using (true);
  create table public.notes (owner_id uuid not null default auth.uid(), note text not null);
  alter table public.notes enable row level security;
  create policy "own" on public.notes to authenticated using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
  create function public.count_orders() returns bigint language sql stable as 'select count(*) from public.orders';
  grant execute on function public.count_orders() to authenticated;`

/** A table of keys as a requirement names it, with policies of the system's own. */
const ownTables = `
  create table public.api_keys (
    id uuid primary key default gen_random_uuid(),
    key_name text not null,
    key_value text not null,
    business_id uuid references public.shops,
    permissions jsonb not null default '[]',
    rate_limit integer not null default 1000,
    is_active boolean not null default true,
    expires_at timestamptz,
    last_used_at timestamptz
  );
  alter table public.api_keys enable row level security;
  create policy "admins" on public.api_keys to authenticated
    using ((select auth.jwt() ->> 'email') = 'admin@example.test') with check ((select auth.jwt() ->> 'email') = 'admin@example.test');
  create table public.api_usage_logs (
    id bigint generated always as identity primary key, api_key_id uuid references public.api_keys on delete cascade, business_id uuid,
    method text, endpoint text, status_code integer, response_time_ms integer, ip_address text, created_at timestamptz
  );
  alter table public.api_usage_logs enable row level security;
  select plinth.adopt_api_keys('public.api_keys', '{"name": "key_name", "value": "key_value", "tenant": "business_id"}');
  select plinth.adopt_api_usage('public.api_usage_logs', '{"key_id": "api_key_id", "tenant": "business_id", "path": "endpoint",
    "status": "status_code", "milliseconds": "response_time_ms", "address": "ip_address", "at": "created_at"}');`

function sampleOf(name: string, sql: string) {
  const { uses, defineFunction, defineRoute } = useCapabilities(keys({ userKeys: true }))
  const ask = defineFunction({
    name: `${name}-analytics`,
    summary: 'Who asks, and what they see.',
    access: { permission: 'analytics' },
    input: z.object({}),
    output: z.object({ tenant: z.string().nullable(), orders: z.number() }),
    handle: async ({ caller, db }) => {
      const { rows } = await db.query<{ n: string }>({ text: 'select count(*) as n from public.orders' })
      const key = caller.claims.key as { tenant: string | null } | undefined
      return { tenant: key?.tenant ?? null, orders: Number(rows[0]!.n) }
    },
  })
  const whoAmI = defineRoute({
    method: 'GET',
    path: '/me',
    summary: 'For people only.',
    access: 'user',
    responses: { 200: z.object({}) },
    handle: () => ({}),
  })
  const serviceOnly = defineRoute({
    method: 'GET',
    path: '/backstage',
    summary: 'For the service only.',
    access: 'service',
    responses: { 200: z.object({ role: z.string() }) },
    handle: ({ role }) => ({ role }),
  })
  return defineSystem({
    name,
    summary: 'A system with keys.',
    tenant: { table: 'shops', column: 'shop_id' },
    uses,
    migrations: async () => ({ name, migrations: [{ name: '001_sample.sql', sql, checksum: sql }] }),
    functions: [ask],
    routes: [whoAmI, serviceOnly],
    roles: {
      of: async (_database, userId) => (userId.startsWith('00000000') ? [] : ['seller']),
      permissions: { seller: ['analytics', 'notes:read', 'notes:write'] },
    },
    jobs: [],
    realtimeTables: [],
    journalledTables: [],
  })
}

/** Keys are in the platform's own table. */
export const plain = sampleOf('plain', schema)
/** Keys and calls are in tables of the system. */
export const mapped = sampleOf('mapped', schema + ownTables)
