import pg from 'pg'
import { expect, it } from 'vitest'
import { createTestDatabase, superuserAddress } from '../test-database.ts'
import {
  type Bench,
  type IsolationOptions,
  isLeak,
  measureAll,
  openBench,
  tryMutations,
} from './measure-isolation.ts'
import { listMutations } from './mutations.ts'
import { readRights } from './read-rights.ts'
import { renderMatrix } from './render-matrix.ts'

/** Two tables of users' own rows, closed as they should be. */
const closed = `
  create table public.lists (
    id uuid primary key default gen_random_uuid(), owner_id uuid not null default auth.uid(), title text not null);
  create table public.entries (
    id uuid primary key default gen_random_uuid(), list_id uuid not null references public.lists (id), line text not null);
  alter table public.lists enable row level security;
  alter table public.entries enable row level security;
  create policy own on public.lists to authenticated
    using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
  create policy own on public.entries to authenticated
    using (list_id in (select id from public.lists)) with check (list_id in (select id from public.lists));`

/** Measures a system of these tables, and of what `more` adds to them. */
async function withBench<T>(
  work: (bench: Bench) => Promise<T>,
  { more = '', ...options }: Pick<IsolationOptions, 'values'> & { more?: string } = {},
): Promise<T> {
  const test = await createTestDatabase({ seed: closed })
  if (more) await test.database.asOwner({ text: more })
  const client = new pg.Client({ connectionString: superuserAddress(test.addresses) })
  await client.connect()
  try {
    return await work(await openBench(client, { test, system: { tenant: null }, ...options }))
  } finally {
    await client.end()
    await test.drop()
  }
}

const leaksOf = (more: string) =>
  withBench(
    async (bench) => {
      const { attempts } = await measureAll(bench)
      return attempts
        .filter((attempt) => isLeak(attempt))
        .map(({ table, subject, verb, owner, result }) => `${subject}: ${verb} ${owner} ${table} ${result}`)
    },
    { more },
  )

it('finds no leak where there is none', async () => {
  expect(await leaksOf('')).toEqual([])
})

it('an insert that the reading policy hides is a leak all the same', async () => {
  const leaks = await leaksOf(`create policy oops on public.lists for insert to anon with check (true);`)
  expect(leaks).toEqual(['anon: insert own lists allowed', 'anon: insert other lists allowed'])
})

it('a policy that lets a row go to somebody else is a leak', async () => {
  expect(await leaksOf(`alter policy own on public.lists with check (true);`)).toContain(
    'owner: move own lists allowed',
  )
})

it('a constraint behind an open policy is no protection', async () => {
  const leaks = await leaksOf(`
    create table public.seats (id uuid primary key default gen_random_uuid(), owner_id uuid not null unique default auth.uid());
    alter table public.seats enable row level security;
    create policy own on public.seats to authenticated using (owner_id = (select auth.uid())) with check (true);`)
  expect(leaks).toContain('owner: move own seats 23505')
})

it('what a trigger refuses is told by its code, not taken for a policy', async () => {
  const matrix = await withBench(async (bench) => renderMatrix(await measureAll(bench)), {
    more: `
      create function public.refuse() returns trigger language plpgsql as $$
        begin raise exception 'no' using errcode = 'PT409'; end $$;
      create trigger refuse before delete on public.entries for each row execute function public.refuse();`,
  })
  expect(matrix).toMatch(/owner +own +allowed +allowed +allowed +denied +PT409 +allowed +PT409/)
})

it('a view that acts with the rights of its owner shows what it gives away', async () => {
  const matrix = await withBench(async (bench) => renderMatrix(await measureAll(bench)), {
    more: `
      create view public.titles as select title from public.lists;
      create view public.mine with (security_invoker) as select title from public.lists;`,
  })
  expect(matrix).toContain('titles: view, rights of the OWNER')
  expect(matrix).toContain('  anon reads 2')
  expect(matrix).toContain('mine: view, rights of the reader')
  expect(matrix).toContain('  anon reads 0')
})

it('functions that can be called are listed with who may call them', async () => {
  const matrix = await withBench(async (bench) => renderMatrix(await measureAll(bench)), {
    more: `
      create function public.peek() returns int language sql security definer as 'select 1';
      grant execute on function public.peek() to anon;`,
  })
  expect(matrix).toContain('  public.peek() security definer: anon, service_role')
})

it('rights on single columns are named', async () => {
  const matrix = await withBench(async (bench) => renderMatrix(await measureAll(bench)), {
    more: `revoke update on public.lists from authenticated; grant update (title) on public.lists to authenticated;`,
  })
  expect(matrix).toContain('authenticated has select, insert, update (title), delete')
})

it('a table that gets no row fails with what to say', async () => {
  const more = `
    create table public.ratings (id int primary key, stars int not null check (stars between 3 and 5));
    alter table public.ratings enable row level security;`
  const measuring = withBench(() => Promise.resolve(), { more })
  await expect(measuring).rejects.toThrow(
    /^ratings: the isolation matrix needs a row that the service role can insert.*ratings_stars_check.*values: \{ ratings: \{ … \} \}\.$/,
  )
  expect(
    await withBench(() => Promise.resolve('measured'), { more, values: { ratings: { stars: 4 } } }),
  ).toBe('measured')
})

it('every mutation of every table is found', async () => {
  await withBench(async (bench) => {
    const mutations = await listMutations(bench.client, await readRights(bench.client))
    expect(mutations.length).toBeGreaterThan(50)
    expect(await tryMutations(bench, mutations)).toEqual({ missed: [], unmoved: [] })
  })
})
