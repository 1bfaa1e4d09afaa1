import { createPlinthClient } from '@plinth/client'
import { actor, stableId } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../database/index.ts'
import { silentLog } from '../kernel/index.ts'
import { keys, keysOffer } from '../keys/index.ts'
import { kv, kvOffer } from '../kv/index.ts'
import { createRecall, createSignals } from '../signals/index.ts'
import { defineSystem, useCapabilities } from '../system/index.ts'
import { flagsOfProject, readFlags } from './flags-of-project.ts'
import { flags, flagsOffer } from './index.ts'

const [ada, bob] = [actor('ada'), actor('bob')]
const [shop, other] = [stableId('shop'), stableId('other shop')]

const { uses, defineFunction } = useCapabilities(
  flags({
    checkout: { description: 'The new checkout.' },
    reports: { enabled: true },
    hidden: { isPublic: false },
    authEnabled: { enabled: true },
  }),
  kv(),
  keys(),
)
const ask = defineFunction({
  name: 'has-checkout',
  summary: 'Whether the caller has it.',
  access: 'public',
  input: z.object({}),
  output: z.boolean(),
  handle: ({ flags: own }) => own.isOn('checkout'),
})
const switchIt = defineFunction({
  name: 'switch-checkout',
  summary: 'Switches it for a shop.',
  access: 'user',
  input: z.object({}),
  output: z.null(),
  handle: async ({ flags: own }) => {
    await own.setFor({ tenant: shop }, 'checkout', true)
    return null
  },
})

const schema = `
  create table public.business_features (
    id uuid primary key default gen_random_uuid(), business_id uuid not null, feature_name text not null, is_enabled boolean not null default false,
    unique (business_id, feature_name)
  );
  alter table public.business_features enable row level security;
  create policy "all" on public.business_features to authenticated using (true) with check (true);
  select plinth.adopt_tenant_flags('public.business_features', 'business_id', 'feature_name', 'is_enabled');
  select plinth.adopt_kv_flags('features');
  create table public.orders (shop_id uuid not null, note text);
  alter table public.orders enable row level security;
  create policy "with the new checkout" on public.orders to authenticated using (plinth.flag('checkout', shop_id::text));`

const sample = defineSystem({
  name: 'switches',
  summary: 'Flags in tables of the system.',
  tenant: null,
  uses,
  migrations: async () => ({
    name: 'switches',
    migrations: [{ name: '001_switches.sql', sql: schema, checksum: schema }],
  }),
  functions: [ask, switchIt],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

describe('flags', () => {
  const system = useSystem(sample)
  const project = () => system.project.offer(flagsOffer)
  const rows = async (text: string, ...values: unknown[]) =>
    (await system.database.asOwner({ text, values })).rows
  const inSql = async (flag: string, tenant: string | null = null, user: string | null = null) =>
    (await rows('select plinth.flag($1, $2, $3) as on', flag, tenant, user))[0]!.on

  beforeAll(() => system.signUp(ada, bob))

  it('are as they are declared, until they are switched; an unknown one is none', async () => {
    expect(await project().all()).toEqual({ checkout: false, reports: true, authEnabled: true })
    expect(await project().isOn('hidden')).toBe(false)
    await expect(project().isOn('chekout')).rejects.toMatchObject({ code: 'flag_unknown' })
    await expect(project().setFor({ tenant: shop }, 'nothing', true)).rejects.toMatchObject({
      code: 'flag_unknown',
    })
    await expect(project().set('no spaces', {})).rejects.toMatchObject({ code: 'flag_invalid' })
    await expect(project().set('checkout', { percentage: 101 })).rejects.toMatchObject({
      code: 'flag_invalid',
    })
    expect(await inSql('nothing')).toBe(false)
    await project().set('made', { enabled: true })
    expect(await project().isOn('made')).toBe(true)
  })

  it('are set for a tenant in the system’s own table, and honoured in SQL (R-T4)', async () => {
    await rows(
      'insert into public.business_features (business_id, feature_name, is_enabled) values ($1, $2, true)',
      shop,
      'checkout',
    )
    await rows(`insert into public.orders values ($1, 'hers'), ($2, 'others')`, shop, other)
    expect(await project().isOn('checkout', { tenant: shop })).toBe(true)
    expect(await project().isOn('checkout', { tenant: other })).toBe(false)
    expect(await project().isOn('checkout', { tenant: 'no uuid' })).toBe(false)
    expect((await system.request('/rest/v1/orders?select=note', { as: ada })).body).toEqual([
      { note: 'hers' },
    ])
    await system.request(`/rest/v1/business_features?business_id=eq.${shop}`, {
      method: 'PATCH',
      as: ada,
      body: { is_enabled: false },
    })
    expect(await project().isOn('checkout', { tenant: shop })).toBe(false)
    expect((await project().history({ flag: 'checkout' }))[0]).toMatchObject({
      target: `tenant/${shop}`,
      before: true,
      after: false,
      byRole: 'authenticated',
      byUser: ada.userId,
    })
    await project().setFor({ tenant: shop }, 'checkout', true)
    expect(await rows('select is_enabled from public.business_features')).toEqual([{ is_enabled: true }])
    await project().setFor({ tenant: shop }, 'checkout', null)
    expect(await rows('select from public.business_features')).toEqual([])
  })

  it('are set for a user above the tenant, and for keys by their tenant', async () => {
    await project().setFor({ user: ada.userId }, 'checkout', true)
    const has = async (as: typeof ada | 'anon') => (await system.call('has-checkout', {}, { as })).body.data
    expect([await has(ada), await has(bob), await has('anon')]).toEqual([true, false, false])
    await system.call('switch-checkout', {}, { as: bob })
    expect((await project().history())[0]).toMatchObject({ byUser: bob.userId, after: true })
    const { key } = await system.project.offer(keysOffer).create({ name: 'Till', tenant: shop })
    expect((await system.call('has-checkout', {}, { headers: { apikey: key } })).body.data).toBe(true)
    await project().setFor({ tenant: shop }, 'checkout', null)
    await project().setFor({ user: ada.userId }, 'checkout', null)
    expect(await has(ada)).toBe(false)
  })

  it('take the project’s value from the key-value store (E-N2)', async () => {
    const store = system.project.offer(kvOffer)
    await store.set('features', { authEnabled: false, reports: 'no boolean' })
    expect([await inSql('authEnabled'), await inSql('reports')]).toEqual([false, true])
    expect(await project().isOn('authEnabled')).toBe(false)
    expect((await project().history({ flag: 'authEnabled' }))[0]).toMatchObject({
      target: 'kv',
      after: false,
    })
    await store.del('features')
    expect(await inSql('authEnabled')).toBe(true)
  })

  it('reach a percentage: the same ones always, more when it grows, others for another flag', async () => {
    const chosen = async (flag: string, percentage: number) => {
      await project().set(flag, { enabled: true, percentage, rolledOutBy: 'tenant' })
      const found = await rows(
        `select t from generate_series(1, 4000) t where plinth.flag($1, 't' || t)`,
        flag,
      )
      return new Set(found.map(({ t }) => t))
    }
    const few = await chosen('checkout', 20)
    const more = await chosen('checkout', 50)
    expect(few.size / 4000).toBeCloseTo(0.2, 1)
    expect(more.size / 4000).toBeCloseTo(0.5, 1)
    expect([...few].every((tenant) => more.has(tenant))).toBe(true)
    const otherFlag = await chosen('made', 50)
    expect([...more].filter((tenant) => otherFlag.has(tenant)).length / 4000).toBeCloseTo(0.25, 1)
    expect(await inSql('checkout', 't1')).toBe(few.has(1) || more.has(1))
    expect(await inSql('checkout')).toBe(false)
    expect((await chosen('checkout', 0)).size).toBe(0)
    await project().set('checkout', { enabled: false, percentage: 100 })
  })

  it('are told to clients: the public ones, as they are for who asks', async () => {
    const client = createPlinthClient('http://plinth.test/switches', 'unused', {
      global: {
        fetch: async (input, init) => {
          const path = new URL(String(input)).pathname.replace('/switches', '')
          const { status, body } = await system.request(path, {
            as: ada,
            method: 'POST',
            body: JSON.parse(String(init?.body)),
          })
          return Response.json(body, { status })
        },
      },
    })
    await project().setFor({ user: ada.userId }, 'checkout', true)
    expect(await client.flags.all()).toMatchObject({ checkout: true, reports: true })
    expect(await client.flags.all()).not.toHaveProperty('hidden')
    expect([await client.flags.isOn('checkout'), await client.flags.isOn('toString')]).toEqual([true, false])
    expect((await system.request('/flags/v1', { as: 'anon' })).body.data.checkout).toBe(false)
    expect(await project().list()).toContainEqual(
      expect.objectContaining({ name: 'checkout', description: 'The new checkout.', exceptions: 1 }),
    )
  })

  it('have effect on another node at once, without asking each time', async () => {
    const signals = createSignals({ url: system.addresses.ownerDirect, system: 'switches', log: silentLog })
    let asked = 0
    const recall = createRecall({
      load: (whom) => {
        asked += 1
        return readFlags(system.database, whom)
      },
      max: 10,
      maxAge: 10_000,
      isLive: () => signals.isLive(),
    })
    const heard: (() => void)[] = []
    const forget = () => {
      recall.forgetAll()
      for (const each of heard) each()
    }
    signals.subscribe('plinth_flags', { heard: forget, missed: forget })
    await signals.start()
    const node = flagsOfProject({
      database: system.database,
      recall,
      declared: async () => undefined,
      caller: null,
    })
    for (let n = 0; n < 10; n += 1) expect(await node.isOn('made')).toBe(false)
    expect(asked).toBe(1)
    const told = new Promise<void>((resolve) => heard.push(resolve))
    await system.database.asOwner(
      sql`update plinth.flags set enabled = true, percentage = 100 where name = 'made'`,
    )
    await told
    expect(await node.isOn('made')).toBe(true)
    await signals.stop()
  })
})
