import { readPlatformMigrations } from '@plinth/platform/database'
import { readHoldsMigrations } from '@plinth/platform/holds'
import { actor, clusterAddress } from '@plinth/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { useShopDatabase } from './shop-fixture.ts'

/** What a new Supabase project has before its first migration, as far as a system's SQL may count on it. */
const supabaseProject = `
  create schema extensions;
  create schema auth;
  create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb);
  create function auth.uid() returns uuid language sql stable as
    $$ select nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;
  grant usage on schema auth, public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;`

// Makes the roles, where this file is the first.
useShopDatabase()

const ada = actor('ada')
const name = `supabase_${process.pid}`
let admin: pg.Client
let client: pg.Client

beforeAll(async () => {
  admin = new pg.Client({ connectionString: clusterAddress() })
  await admin.connect()
  await admin.query(`create database ${name}`)
  client = new pg.Client({ connectionString: clusterAddress(name) })
  await client.connect()
  await client.query(supabaseProject)
  const portable = (await readPlatformMigrations()).migrations.slice(0, 1)
  const sets = [{ migrations: portable }, await readHoldsMigrations(), await shops.migrations()]
  for (const { migrations } of sets) for (const { sql } of migrations) await client.query(sql)
})
afterAll(async () => {
  await client.end()
  await admin.query(`drop database ${name}`)
  await admin.end()
})

async function as<Row extends pg.QueryResultRow>(role: string, text: string, values: unknown[] = []) {
  await client.query('begin')
  try {
    const claims = role === 'authenticated' ? { sub: ada.userId, role } : { role }
    await client.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      role,
      JSON.stringify(claims),
    ])
    const { rows } = await client.query<Row>(text, values)
    await client.query('commit')
    return rows
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

it('the migrations apply to a Supabase project, and an order takes its stock there', async () => {
  await client.query('insert into auth.users (id, email) values ($1, $2)', [ada.userId, 'ada@example.test'])
  const [shop] = await as<{ id: string }>(
    'authenticated',
    `insert into public.shops (name, owner_id) values ('Corner shop', $1) returning id`,
    [ada.userId],
  )
  const [item] = await as<{ id: string }>(
    'authenticated',
    `insert into public.items (shop_id, name, stock) values ($1, 'Mug', 5) returning id`,
    [shop!.id],
  )
  const place = (number: string, quantity: number) =>
    as(
      'authenticated',
      `insert into public.form_submissions (shop_id, submission_id, status, ordered_products) values ($1, $2, 'Confirmed', $3)`,
      [shop!.id, number, JSON.stringify([{ productId: item!.id, quantity, unitPrice: 1 }])],
    )
  await place('ORD-1', 2)
  await expect(place('ORD-2', 4)).rejects.toMatchObject({ code: 'PT409' })
  const stock = await as('authenticated', 'select stock from public.items')
  expect(stock).toEqual([{ stock: 3 }])
})

it('strangers may do nothing there, whatever Supabase grants by default', async () => {
  const { rows } = await client.query(`
    select 'table ' || c.relname as open from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate, references, trigger')
    union all
    select 'function ' || p.proname from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and has_function_privilege('anon', p.oid, 'execute')
    order by 1`)
  expect(rows).toEqual([
    { open: 'function importing' },
    { open: 'function is_platform_admin' },
    { open: 'function my_shops' },
  ])
})
