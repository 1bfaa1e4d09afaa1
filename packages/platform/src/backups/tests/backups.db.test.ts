import { sql } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { useSystem } from '@plinth/testing/system'
import { describe, expect, it } from 'vitest'
import { backups, backupsOffer } from '../index.ts'

const schema = `
  create type public.mood as enum ('calm', 'wild "one"');
  create table public.zoos (id text primary key, name text not null, kept bigint not null default 0);
  create table public.keepers (id uuid primary key default gen_random_uuid(), email text not null);
  create table public.animals (
    id bigint generated always as identity primary key, zoo_id text not null references public.zoos on delete cascade,
    keeper uuid references public.keepers, parent bigint references public.animals on delete set null, slug text not null,
    tags uuid[], doc jsonb, raw json, weight numeric, bytes bytea, span tstzrange, mood public.mood, note text,
    double_weight numeric generated always as (weight * 2) stored, seen timestamptz, lasts interval, real_value double precision,
    unique (zoo_id, slug));
  create table public.guests (
    id uuid primary key default gen_random_uuid(), zoo_id text not null references public.zoos, email text, name text not null, visits int not null);
  create table public.tickets (
    zoo_id text not null references public.zoos, number int not null, guest_id uuid references public.guests, price numeric(12,2) not null,
    primary key (zoo_id, number));
  create table public.payments (
    id text primary key, zoo_id text not null references public.zoos, amount numeric(12,2) not null, status text not null);
  create table public.counts (zoo_id text primary key references public.zoos on delete cascade, animals bigint not null);
  create table public.calls (id bigint generated always as identity primary key, zoo_id text not null);
  alter table public.zoos enable row level security; alter table public.keepers enable row level security;
  alter table public.animals enable row level security; alter table public.guests enable row level security;
  alter table public.tickets enable row level security; alter table public.payments enable row level security;
  alter table public.counts enable row level security; alter table public.calls enable row level security;
  create function public.refuse_wild() returns trigger language plpgsql as $$
  begin
    if new.note = 'refused' then raise exception 'no' using errcode = 'PT409'; end if;
    return new;
  end $$;
  create trigger refuse_wild before insert or update on public.animals for each row execute function public.refuse_wild();`

const zoo = defineSystem({
  name: 'zoo',
  summary: 'Zoos with animals and guests.',
  tenant: { table: 'zoos', column: 'zoo_id' },
  uses: [
    backups({
      derived: ['counts'],
      leaves: ['calls'],
      facts: ['payments'],
      schedule: false,
      invariants: [
        {
          name: 'animals are counted',
          violations: (tenant) => sql`
            select from public.counts c where c.zoo_id = ${tenant}
              and c.animals <> (select count(*) from public.animals a where a.zoo_id = ${tenant})`,
        },
      ],
      money: [{ table: 'tickets', column: 'price' }],
    }),
  ],
  migrations: async () => ({
    name: 'zoo',
    migrations: [{ name: '001_initial_schema.sql', checksum: schema, sql: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['zoos', 'animals', 'guests', 'tickets', 'payments'],
  personalColumns: { guests: { columns: ['email', 'name'], subject: 'email' } },
  tenantHooks: () => ({
    afterRewind: (tenant) => sql`
      insert into public.counts select ${tenant}, count(*) from public.animals where zoo_id = ${tenant}
      on conflict (zoo_id) do update set animals = excluded.animals`,
  }),
})

const system = useSystem(zoo, { stream: true })
const run = async (text: string, values: unknown[] = []) =>
  (await system.database.asOwner<Record<string, unknown>>({ text, values })).rows
const offer = () => system.project.offer(backupsOffer)
const actor = { user: null, role: 'owner', requestId: null, via: 'test', reason: null }
const tables = ['zoos', 'animals', 'guests', 'tickets', 'payments', 'counts'] as const

/** Every row of a zoo as text. */
const rowsOf = async (tenant: string, only: readonly string[] = tables) => {
  const each = only.map(
    (table) =>
      `select '${table}' as "table", t::text as row from public.${table} t where ${table === 'zoos' ? 'id' : 'zoo_id'} = $1`,
  )
  return run(`${each.join(' union all ')} order by 1, 2`, [tenant])
}

async function furnish(zooId: string, seed = 1): Promise<void> {
  await run(`insert into public.zoos values ($1, $1 || ' "zoo" \\ N') on conflict do nothing`, [zooId])
  await run(`insert into public.keepers (id, email) values (md5($1)::uuid, $1) on conflict do nothing`, [
    zooId,
  ])
  await run(
    `insert into public.animals (zoo_id, keeper, slug, tags, doc, raw, weight, bytes, span, mood, note, seen, lasts, real_value)
     select $1, md5($1)::uuid, 'animal ' || n, case n % 4 when 0 then null when 1 then '{}' else array[md5(n::text)::uuid, null] end,
       jsonb_build_object('n', n, 'text', E'tab\\t"quote"', 'keeper', md5($1)), '{"b": 1,  "a": [null]}', case n % 3 when 0 then 'NaN' else n / 7.0 end,
       decode(md5(n::text), 'hex'), tstzrange('2026-01-01', case when n % 2 = 0 then null else '2026-01-02 03:04:05.678901+02'::timestamptz end),
       case n % 2 when 0 then 'wild "one"' end::public.mood, case n % 5 when 0 then '' when 1 then null when 2 then E'line\\nbreak\\\\' else 'ü–💚' end,
       '2026-01-15 12:00:00.123456+05:30'::timestamptz, '1 mon -3 days 04:05:06.7', case n % 3 when 0 then 'Infinity' else 0.1::float8 * n end
     from generate_series(1, $2::int) n on conflict do nothing`,
    [zooId, 30 * seed],
  )
  await run(
    `insert into public.guests (id, zoo_id, email, name, visits)
     select md5($1 || n)::uuid, $1, 'guest' || n || '@' || $1, E'Guest\\t' || n, n from generate_series(1, 8) n on conflict do nothing`,
    [zooId],
  )
  await run(
    `insert into public.tickets select $1, n, md5($1 || n)::uuid, n * 1.25 from generate_series(1, 8) n on conflict do nothing`,
    [zooId],
  )
  await run(`insert into public.payments values ($1 || '-1', $1, 12.50, 'paid') on conflict do nothing`, [
    zooId,
  ])
  await run(
    `insert into public.counts select $1, count(*) from public.animals where zoo_id = $1
     on conflict (zoo_id) do update set animals = excluded.animals`,
    [zooId],
  )
}

async function disturb(zooId: string): Promise<void> {
  await run(`delete from public.animals where zoo_id = $1 and id % 3 = 0`, [zooId])
  await run(`update public.animals set note = 'changed', weight = 1 where zoo_id = $1 and id % 3 = 1`, [
    zooId,
  ])
  await run(`insert into public.animals (zoo_id, slug) values ($1, 'new one')`, [zooId])
  await run(`update public.tickets set price = price + 100 where zoo_id = $1`, [zooId])
  await run(`update public.zoos set name = 'another' where id = $1`, [zooId])
}

describe('a full backup', () => {
  it('AT-24, AT-25: comes back to the letter, and neighbours are not touched', async () => {
    await furnish('north')
    await furnish('south')
    const then = await rowsOf('north')
    const made = await offer().create({ tenant: 'north', kind: 'full', label: 'before' }, 'ada')
    expect(made).toMatchObject({
      status: 'completed',
      kind: 'full',
      label: 'before',
      requestedBy: 'ada',
      parts: 1,
    })
    expect(made.rows).toBe(1 + 30 + 8 + 8 + 1)
    await disturb('north')
    const neighbour = await rowsOf('south')
    const preview = await offer().preview({ id: made.id })
    expect(preview.tables).toContainEqual({ table: 'public.animals', added: 10, changed: 10, removed: 1 })
    expect(preview.money).toEqual([
      { table: 'public.tickets', column: 'price', before: '845.00', after: '45.00' },
    ])
    const applied = await offer().restore({ id: made.id }, actor)
    expect(applied.tables).toEqual(preview.tables)
    expect(applied.money).toEqual(preview.money)
    expect(await rowsOf('north')).toEqual(then)
    expect(await rowsOf('south')).toEqual(neighbour)
    const [found] = await offer().list({ tenant: 'north' })
    expect(found).toMatchObject({ rehearsal: 'sound' })
    await run(`insert into public.animals (zoo_id, slug) values ('north', 'after the restore')`)
  })
})
