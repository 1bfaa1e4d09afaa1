import { mkdtempSync } from 'node:fs'
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from '@plinth/platform/database'
import { privacyOffer } from '@plinth/platform/privacy'
import { defineSystem } from '@plinth/platform/system'
import { useSystem } from '@plinth/testing/system'
import { afterAll, describe, expect, it } from 'vitest'
import { rewindOffer } from '../../rewind/index.ts'
import { backupFigures } from '../backup-figures.ts'
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
    id uuid primary key default gen_random_uuid(), zoo_id text not null references public.zoos, email text, name text not null, visits int not null, badge int unique);
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

const folder = mkdtempSync(join(tmpdir(), 'plinth-backups-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const system = useSystem(zoo, {
  stream: true,
  environment: { PLINTH_ZOO_BACKUPS_FOLDER: folder, PLINTH_ZOO_BACKUPS_REHEARSE: 'false' },
})
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
    const applied = await offer().restore({ id: made.id, rehearse: true }, actor)
    expect(applied.tables).toEqual(preview.tables)
    expect(applied.money).toEqual(preview.money)
    expect(await rowsOf('north')).toEqual(then)
    expect(await rowsOf('south')).toEqual(neighbour)
    await expect(offer().preview({ id: made.id, tenant: 'south' })).rejects.toMatchObject({
      code: 'backup_unknown',
    })
    expect(await offer().status('north')).toMatchObject([{ restoreMilliseconds: expect.any(Number) }])
    const [found] = await offer().list({ tenant: 'north' })
    expect(found).toMatchObject({ rehearsal: 'sound' })
    await run(`insert into public.animals (zoo_id, slug) values ('north', 'after the restore')`)
  })
})

const folderOfTenant = (tenant: string) => join(folder, tenant)
const filesOf = async (tenant: string) => (await readdir(folderOfTenant(tenant))).sort()

describe('incremental backups', () => {
  it('hold what changed, and come back as a chain', async () => {
    await furnish('east')
    const states = [await rowsOf('east')]
    const chain = [await offer().create({ tenant: 'east' })]
    expect(chain[0]).toMatchObject({ kind: 'full' })
    for (const step of [
      () => disturb('east'),
      async () => {
        await run(`update public.guests set name = 'New', visits = 0 where zoo_id = 'east' and visits > 4`)
        await run(`delete from public.tickets where zoo_id = 'east' and number in (1, 2)`)
        await run(
          `delete from public.guests g where zoo_id = 'east' and not exists (select from public.tickets t where t.guest_id = g.id)`,
        )
      },
      () => run(`update public.tickets set number = number + 100 where zoo_id = 'east'`),
    ]) {
      await step()
      states.push(await rowsOf('east'))
      chain.push(await offer().create({ tenant: 'east' }))
    }
    expect(chain.map(({ kind }) => kind)).toEqual(['full', 'incremental', 'incremental', 'incremental'])
    expect(chain[1]!.rows).toBeLessThan(chain[0]!.rows!)
    const still = await offer().create({ tenant: 'east' })
    expect(still).toMatchObject({ kind: 'incremental', rows: 0 })
    const without = (state: readonly Record<string, unknown>[]) =>
      state.filter(({ table }) => table !== 'counts')
    for (const place of [2, 0, 3, 1]) {
      await offer().restore({ id: chain[place]!.id }, actor)
      expect(without(await rowsOf('east'))).toEqual(without(states[place]!))
    }
    expect(await offer().verify(chain[3]!.id)).toMatchObject({ isSound: true, backups: 4 })
  })

  it('a table that changed its shape, and an old full one, make the next one full', async () => {
    await furnish('shape')
    await offer().create({ tenant: 'shape' })
    await run(`alter table public.tickets add column colour text default 'red'`)
    await run(`update public.zoos set kept = 1 where id = 'shape'`)
    const made = await offer().create({ tenant: 'shape' })
    expect(made).toMatchObject({ kind: 'full' })
    system.clock.advance(25 * 3_600_000)
    await run(`update public.zoos set kept = 2 where id = 'shape'`)
    expect(await offer().create({ tenant: 'shape' })).toMatchObject({ kind: 'full' })
    await run(`alter table public.tickets drop column colour`)
    await expect(offer().preview({ id: made.id })).rejects.toMatchObject({ code: 'backup_schema_changed' })
  })
})

describe('beside writers of the same tenant', () => {
  it('each backup is the state at its number of the journal, and rehearses soundly', async () => {
    await furnish('hot')
    const stop = new AbortController()
    const write = async (seed: number) => {
      for (let n = seed; !stop.signal.aborted; n += 3)
        await system.database.transactionAsOwner(async ({ query }) => {
          const guest = {
            text: `select id from public.guests where zoo_id = 'hot' order by id offset $1 limit 1`,
            values: [n % 8],
          }
          const { rows } = await query<{ id: string }>(guest)
          await query(
            sql`insert into public.tickets values ('hot', ${1_000 + n}, ${rows[0]!.id}, ${n}) on conflict do nothing`,
          )
          await query(
            sql`update public.guests set visits = visits + 1, name = ${`Guest ${n}`} where id = ${rows[0]!.id}`,
          )
          await query(sql`update public.zoos set kept = kept + 1 where id = 'hot'`)
          if (n % 4 === 0)
            await query(
              sql`delete from public.tickets where zoo_id = 'hot' and number < ${900 + n} and number > 100`,
            )
        })
    }
    const writers = [0, 1, 2].map(write)
    const made = [await offer().create({ tenant: 'hot', kind: 'full' })]
    for (let n = 0; n < 4; n += 1)
      made.push(await offer().create({ tenant: 'hot', kind: n === 2 ? 'full' : 'auto' }))
    stop.abort()
    await Promise.all(writers)
    expect(made.map(({ kind }) => kind)).toEqual([
      'full',
      'incremental',
      'incremental',
      'full',
      'incremental',
    ])
    expect((await offer().rehearse(made[2]!.id)).receipt).toMatchObject({ outcome: 'sound', problem: null })
    const rewinds = system.project.offer(rewindOffer)
    for (const { id, sequence } of [made[0]!, made[2]!, made[4]!]) {
      const journalled = ['zoos', 'animals', 'guests', 'tickets', 'payments']
      await offer().restore({ id }, actor)
      const restored = await rowsOf('hot', journalled)
      await rewinds.apply({ tenant: 'hot', to: sequence!, actor })
      expect(await rowsOf('hot', journalled)).toEqual(restored)
    }
  })
})

describe('a restore', () => {
  it('keeps facts, brings missing ones back, and takes chosen tables and rows only', async () => {
    await furnish('west')
    const made = await offer().create({ tenant: 'west', kind: 'full' })
    await run(`update public.payments set status = 'refunded' where zoo_id = 'west'`)
    await run(`insert into public.payments values ('west-2', 'west', 3, 'paid')`)
    await run(`update public.tickets set price = 0 where zoo_id = 'west'`)
    await run(`update public.guests set visits = 99 where zoo_id = 'west'`)
    const chosen = await offer().restore({ id: made.id, tables: ['tickets'] }, actor)
    expect(chosen.tables).toEqual([{ table: 'public.tickets', added: 0, changed: 8, removed: 0 }])
    const [guest] = await run(`select id from public.guests where zoo_id = 'west' order by id limit 1`)
    await run(`insert into public.guests (zoo_id, email, name, visits) values ('west', 'x', 'later', 1)`)
    const one = await offer().restore({ id: made.id, tables: ['guests'], ids: [String(guest!.id)] }, actor)
    expect(one.tables).toEqual([{ table: 'public.guests', added: 0, changed: 1, removed: 0 }])
    const all = await offer().restore({ id: made.id }, actor)
    expect(all.kept).toEqual({ 'public.payments': 2 })
    expect(await run(`select id, status from public.payments where zoo_id = 'west' order by id`)).toEqual([
      { id: 'west-1', status: 'refunded' },
      { id: 'west-2', status: 'paid' },
    ])
    await run(`delete from public.payments where id = 'west-1'`)
    await offer().restore({ id: made.id }, actor)
    expect(await run(`select status from public.payments where id = 'west-1'`)).toEqual([{ status: 'paid' }])
    await expect(offer().preview({ id: made.id, tables: ['keepers'] })).rejects.toMatchObject({
      code: 'backup_unknown_table',
    })
    await expect(offer().preview({ id: made.id, tables: ['tickets'], ids: ['1'] })).rejects.toMatchObject({
      code: 'backup_key_columns',
    })
  })

  it('AT-28: who was erased stays erased, in full and incremental backups, also in rows that are gone', async () => {
    await furnish('erased')
    const full = await offer().create({ tenant: 'erased', kind: 'full' })
    await run(`update public.guests set visits = visits + 1 where zoo_id = 'erased'`)
    const more = await offer().create({ tenant: 'erased' })
    expect(more).toMatchObject({ kind: 'incremental' })
    const persons = system.project.offer(privacyOffer).persons
    await persons.erase('guest1@erased')
    await persons.erase('guest2@erased')
    await run(`delete from public.tickets where zoo_id = 'erased' and number = 2`)
    await run(`delete from public.guests where id = md5('erased2')::uuid`)
    for (const { id } of [full, more]) {
      const applied = await offer().restore({ id }, actor)
      expect(applied.erased).toBe(2)
      const rows = await run(
        `select email, name from public.guests where zoo_id = 'erased' order by name, email`,
      )
      expect(rows.filter(({ email }) => email === null)).toEqual([
        { email: null, name: '(erased)' },
        { email: null, name: '(erased)' },
      ])
      expect(rows).toHaveLength(8)
    }
    const bytes = await Promise.all(
      (await filesOf('erased')).map((name) => readFile(join(folderOfTenant('erased'), name))),
    )
    expect(Buffer.concat(bytes).includes('guest3@erased')).toBe(false)
  })

  it('as a copy has keys of its own, refers to its own rows, and leaves the original alone', async () => {
    await furnish('origin')
    await run(
      `update public.animals set parent = (select min(id) from public.animals where zoo_id = 'origin') where zoo_id = 'origin' and slug like '%3'`,
    )
    await run(
      `update public.animals set doc = jsonb_build_object('guest', (select id from public.guests where zoo_id = 'origin' order by id limit 1)) where zoo_id = 'origin' and slug = 'animal 1'`,
    )
    const made = await offer().create({ tenant: 'origin', kind: 'full' })
    const before = await rowsOf('origin')
    const applied = await offer().restore({ id: made.id, as: 'copy' }, actor)
    expect(applied).toMatchObject({ tenant: 'copy', moved: [] })
    expect(await rowsOf('origin')).toEqual(before)
    expect(
      await run(`select (select count(*)::int from public.animals where zoo_id = 'copy') as animals,
        (select count(*)::int from public.tickets t join public.guests g on g.id = t.guest_id and g.zoo_id = 'copy' where t.zoo_id = 'copy') as tickets,
        (select count(distinct p.zoo_id)::int from public.animals a join public.animals p on p.id = a.parent where a.zoo_id = 'copy') as parents,
        (select count(*)::int from public.animals a join public.guests g on g.id::text = a.doc ->> 'guest' and g.zoo_id = 'copy' where a.zoo_id = 'copy') as docs`),
    ).toEqual([{ animals: 30, tickets: 8, parents: 1, docs: 1 }])
    await expect(offer().restore({ id: made.id, as: 'copy' }, actor)).rejects.toMatchObject({
      code: 'backup_copy_impossible',
    })
    await run(`insert into public.animals (zoo_id, slug) values ('copy', 'first write')`)
  })

  it('AT-27: neighbours write meanwhile, and two operators at once end with one state', async () => {
    await furnish('busy')
    await furnish('calm')
    const then = await rowsOf('busy')
    const made = await offer().create({ tenant: 'busy', kind: 'full' })
    await disturb('busy')
    let writes = 0
    const stop = new AbortController()
    const writer = (async () => {
      while (!stop.signal.aborted) {
        await run(`update public.tickets set price = price + 1 where zoo_id = 'calm'`)
        writes += 1
      }
    })()
    const ends = await Promise.allSettled([
      offer().restore({ id: made.id }, actor),
      offer().restore({ id: made.id }, actor),
      offer().create({ tenant: 'busy' }),
      offer().create({ tenant: 'busy' }),
    ])
    stop.abort()
    await writer
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'backup_busy' })
    expect(await rowsOf('busy')).toEqual(then)
    expect(writes).toBeGreaterThan(0)
    expect(await run(`select sum(price)::text as sum from public.tickets where zoo_id = 'calm'`)).toEqual([
      { sum: `${(45 + 8 * writes).toFixed(2)}` },
    ])
  })

  it('is refused whole where rows do not fit: another tenant’s, a taken value, a missing parent', async () => {
    await furnish('mine')
    await furnish('theirs')
    await run(`update public.guests set badge = 1 where id = md5('mine1')::uuid`)
    const then = await rowsOf('mine')
    const made = await offer().create({ tenant: 'mine', kind: 'full' })
    await run(`update public.guests set zoo_id = 'theirs' where id = md5('mine1')::uuid`)
    await expect(offer().restore({ id: made.id }, actor)).rejects.toMatchObject({ code: 'backup_row_moved' })
    await run(`delete from public.tickets where zoo_id = 'mine' and number = 1`)
    const left = await offer().restore({ id: made.id, tables: ['guests'], leaveMoved: true }, actor)
    expect(left.moved).toHaveLength(1)
    await run(`update public.guests set zoo_id = 'mine' where id = md5('mine1')::uuid`)
    await run(`delete from public.tickets where zoo_id = 'mine'; `)
    await run(`delete from public.guests where zoo_id = 'mine'`)
    await expect(offer().restore({ id: made.id, tables: ['tickets'] }, actor)).rejects.toMatchObject({
      code: 'backup_orphans',
    })
    expect(await run(`select from public.tickets where zoo_id = 'mine'`)).toEqual([])
    await run(`update public.guests set badge = 1 where id = md5('theirs1')::uuid`)
    await expect(offer().restore({ id: made.id }, actor)).rejects.toMatchObject({ code: 'backup_conflict' })
    await run(`update public.guests set badge = null where zoo_id = 'theirs'`)
    await offer().restore({ id: made.id }, actor)
    expect(await rowsOf('mine')).toEqual(then)
    const kept = await run(`select status, error_code from plinth.restores where tenant = 'mine'`)
    expect(kept).toContainEqual({ status: 'failed', error_code: 'backup_row_moved' })
  })
})

describe('what is wrong with a backup is found', () => {
  it('AT-26: every part and manifest, whatever was done to it', async () => {
    await furnish('broken', 3)
    const full = await offer().create({ tenant: 'broken', kind: 'full' })
    await disturb('broken')
    const more = await offer().create({ tenant: 'broken' })
    const before = await rowsOf('broken')
    const names = (await filesOf('broken')).filter((name) => !name.includes('receipt'))
    expect(names).toHaveLength(4)
    const at = (name: string) => join(folderOfTenant('broken'), name)
    const originals = new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(at(name))] as const)),
    )
    const faults: [string, (name: string, bytes: Buffer) => Promise<void>][] = [
      ['a flipped byte at the beginning', async (name, bytes) => writeFile(at(name), flip(bytes, 3))],
      [
        'a flipped byte in the middle',
        async (name, bytes) => writeFile(at(name), flip(bytes, bytes.length >> 1)),
      ],
      [
        'a flipped byte at the end',
        async (name, bytes) => writeFile(at(name), flip(bytes, bytes.length - 2)),
      ],
      ['a missing end', async (name, bytes) => writeFile(at(name), bytes.subarray(0, bytes.length - 40))],
      [
        'something behind the end',
        async (name, bytes) => writeFile(at(name), Buffer.concat([bytes, Buffer.from('x')])),
      ],
      ['nothing in it', async (name) => writeFile(at(name), '')],
      ['missing', async (name) => rm(at(name))],
      [
        'the other one in its place',
        async (name) => writeFile(at(name), originals.get(otherOf(name, names))!),
      ],
    ]
    for (const [fault, make] of faults)
      for (const name of names) {
        await make(name, originals.get(name)!)
        const found = await offer().verify(more.id)
        expect([fault, name, found.isSound]).toEqual([fault, name, false])
        expect(found.problem?.code).toMatch(/^backup_(damaged|part_missing)$/)
        if (name === names[0])
          await expect(offer().restore({ id: more.id }, actor)).rejects.toMatchObject({
            code: found.problem!.code,
          })
        await writeFile(at(name), originals.get(name)!)
      }
    expect(await rowsOf('broken')).toEqual(before)
    const { receipt } = await offer().rehearse(full.id)
    expect(receipt.outcome).toBe('sound')
    await rm(join(folder, full.file!.replace('.json', '.part-0001')))
    expect((await offer().rehearse(full.id)).receipt).toMatchObject({
      outcome: 'failed',
      problem: expect.stringContaining('missing'),
    })
    expect(await offer().find(full.id)).toMatchObject({ rehearsal: 'failed' })
  })

  it('rows that were altered before they were sealed are not those that were hashed', async () => {
    await furnish('altered')
    await offer().create({ tenant: 'altered', kind: 'full' })
    await run(`update public.tickets set price = 7 where zoo_id = 'altered'`)
    // A head that lies: the next incremental one stands on a hash that is not the rows'.
    await run(
      `update plinth.backup_heads set state = jsonb_set(state, '{tables,public.guests,rows}', '7') where tenant = 'altered'`,
    )
    const more = await offer().create({ tenant: 'altered' })
    expect((await offer().rehearse(more.id)).receipt).toMatchObject({
      outcome: 'failed',
      problem: expect.stringContaining('public.guests'),
    })
    const refused = offer().restore({ id: more.id, rehearse: true }, actor)
    await expect(refused).rejects.toMatchObject({ code: 'backup_not_sound' })
  })

  it('a table whose rows cannot be told apart refuses the backup, and health tells of what failed', async () => {
    await furnish('keyless')
    await run(`create table public.slips (zoo_id text, note text)`)
    const refused = offer().create({ tenant: 'keyless' })
    await expect(refused).rejects.toMatchObject({ code: 'backup_table_without_key' })
    await run('drop table public.slips')
    const figures = backupFigures(system.database, system.clock)
    const figure = (name: string) => figures.find((each) => each.name === name)!.read()
    expect(await figure('backups-failed')).toBeGreaterThan(0)
    expect(await figure('rehearsals-failed')).toBeGreaterThan(0)
    expect(await figure('backup-bytes')).toBeGreaterThan(1_000)
    const health = system.project.health.find(({ name }) => name === 'zoo/backups')!
    expect(await health.check()).toMatchObject({
      status: 'degraded',
      detail: { unsound: expect.any(Number) },
    })
  })

  it('what belongs to no tenant is backed up and restored by itself', async () => {
    await furnish('nowhere')
    const made = await offer().create({ tenant: '' })
    const then = await run('select t::text from public.keepers t order by 1')
    await run(`update public.keepers set email = 'changed'`)
    const restored = await offer().restore({ id: made.id }, actor)
    expect(restored.tables.map(({ table }) => table)).toEqual(['public.keepers'])
    expect(await run('select t::text from public.keepers t order by 1')).toEqual(then)
  })

  it('an unknown one, one that failed, one of a tenant that is not there', async () => {
    await expect(offer().find('nonsense')).rejects.toMatchObject({ code: 'backup_unknown' })
    await expect(offer().create({ tenant: 'nobody' })).rejects.toMatchObject({
      code: 'backup_unknown_tenant',
    })
    const [failed] = await offer().list({ tenant: 'nobody' })
    expect(failed).toMatchObject({ status: 'failed', errorCode: 'backup_unknown_tenant' })
    await expect(offer().verify(failed!.id)).rejects.toMatchObject({ code: 'backup_not_complete' })
  })
})

describe('slots', () => {
  it('back up who changed, once, whoever asks', async () => {
    system.clock.set('2026-02-01T10:02:00Z')
    await furnish('slot1')
    await furnish('slot2')
    const both = ['slot1', 'slot2']
    const [one, two] = await Promise.all([offer().runSlot(both), offer().runSlot(both)])
    expect(one.completed + two.completed).toBe(2)
    expect(one.failed).toEqual([])
    expect(await offer().runSlot(both)).toMatchObject({ completed: 0, skipped: 2 })
    system.clock.advance(300_000)
    await run(`update public.zoos set kept = 5 where id = 'slot2'`)
    expect(await offer().runSlot(both)).toMatchObject({ completed: 1, unchanged: 1, failed: [] })
    const made = await offer().list({ tenant: 'slot2' })
    expect(made.map(({ kind, trigger, slot }) => [kind, trigger, slot?.toISOString()])).toEqual([
      ['incremental', 'schedule', '2026-02-01T10:05:00.000Z'],
      ['full', 'schedule', '2026-02-01T10:00:00.000Z'],
    ])
    const [status] = await offer().status('slot1')
    expect(status).toMatchObject({
      lastSlot: new Date('2026-02-01T10:05:00Z'),
      completed24h: 1,
      failures24h: 0,
      backups: 1,
    })
  })

  it('an interrupted backup is told as failed by the next one, and its slot is taken again', async () => {
    await furnish('killed')
    await run(
      `insert into plinth.backups (tenant, trigger, slot, status, started_at) values ('killed', 'schedule', '2026-02-01T10:05:00Z', 'running', now())`,
    )
    const made = await offer().create({ tenant: 'killed' })
    expect(made.status).toBe('completed')
    expect(
      (await offer().list({ tenant: 'killed' })).map(({ status, errorCode }) => [status, errorCode]),
    ).toContainEqual(['failed', 'backup_interrupted'])
    expect(await offer().runSlot(['killed'])).toMatchObject({ failed: [] })
  })

  it('SQL asks for a backup in its own transaction, and a job takes it', async () => {
    await furnish('asked')
    const rolledBack = system.database.transactionAsOwner(async ({ query }) => {
      await query(sql`select plinth.request_backup('asked')`)
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    expect(await offer().list({ tenant: 'asked' })).toEqual([])
    const [asked] = await run(`select plinth.request_backup('asked', 'nightly', 'full', 'ada') as id`)
    expect(await offer().find(String(asked!.id))).toMatchObject({ status: 'waiting' })
    await system.jobs.runDue()
    expect(await offer().find(String(asked!.id))).toMatchObject({
      status: 'completed',
      label: 'nightly',
      requestedBy: 'ada',
      trigger: 'manual',
    })
    await expect(
      system.request('/rest/v1/rpc/request_backup', {
        method: 'POST',
        as: 'service',
        body: { p_tenant: 'asked' },
      }),
    ).resolves.toMatchObject({ status: 404 })
  })

  it('retention removes what nothing needs, bytes included', async () => {
    await furnish('old')
    system.clock.set('2026-03-01T00:00:00Z')
    for (let hour = 0; hour < 4; hour += 1) {
      await run(`update public.zoos set kept = $1 where id = 'old'`, [hour])
      await offer().runSlot(['old'])
      system.clock.advance(1_200_000)
    }
    system.clock.set('2026-03-15T00:00:00Z')
    await run(`update public.zoos set kept = 77 where id = 'old'`)
    await offer().runSlot(['old'])
    // Left by a process that was killed before it wrote its manifest.
    const stray = join(folderOfTenant('old'), 'backup-old-20200101T000000Z-00000000.part-0001')
    await writeFile(stray, 'half')
    await utimes(stray, new Date('2020-01-01'), new Date('2020-01-01'))
    const planned = await offer().prune({ isDryRun: true })
    const pruned = await offer().prune()
    expect(pruned.removed).toEqual(planned.removed)
    expect(pruned.leftovers).toBe(1)
    const kept = (await offer().list({ tenant: 'old', status: 'completed' })).map(({ kind }) => kind)
    // The last one of that day stands on all before it.
    expect(kept).toEqual(['full', 'incremental', 'incremental', 'incremental', 'full'])
    for (const { id } of await offer().list({ status: 'completed', limit: 500 })) {
      if ((await offer().find(id)).tenant === 'broken') continue
      expect(await offer().verify(id)).toMatchObject({ isSound: true })
    }
  })
})

const flip = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 0x10
  return copy
}
const otherOf = (name: string, names: readonly string[]): string =>
  names.find((other) => other !== name && other.endsWith('.json') === name.endsWith('.json'))!
