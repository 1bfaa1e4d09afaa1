import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { describe, expect, it } from 'vitest'
import { keysOffer } from '../index.ts'
import { mapped } from './sample-systems.ts'

const admin = actor('admin')
const ada = actor('ada')

/** As the requirement prints it. */
const printed = `INSERT INTO api_keys (key_name, key_value, business_id, permissions, rate_limit)
VALUES (
  'System Integration',
  'sk_' || substr(md5(random()::text), 1, 32),
  NULL,
  '["analytics", "backup_status"]'::jsonb,
  1000
);`

describe('keys in a table of the system', () => {
  const system = useSystem(mapped)
  const keys = () => system.project.offer(keysOffer)
  const rows = async (text: string, ...values: unknown[]) =>
    (await system.database.asOwner({ text, values })).rows
  const ask = (key: string) =>
    system.call('mapped-analytics', {}, { headers: { 'x-api-key': key, apikey: '' } })
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'done',
      (error: { detail?: string; code: string }) => JSON.parse(error.detail ?? '{}').code ?? error.code,
    )

  it('are made by the printed SQL, read once, and work (R-T1)', async () => {
    await rows(printed)
    const [row] = await rows('select id, key_value, rate_limit from public.api_keys')
    expect(row!.key_value).toMatch(/^sk_[0-9a-f]{4}…$/)
    await system.jobs.run('seal-keys')
    expect(await rows('select from plinth.plain_keys')).toEqual([])
    const key = await keys().reveal(row!.id as string)
    expect(key).toMatch(/^sk_[0-9a-f]{32}$/)
    expect(await ask(key)).toMatchObject({ status: 200, body: { data: { tenant: null } } })
    await expect(keys().reveal(row!.id as string)).rejects.toMatchObject({ code: 'key_not_readable' })
    await keys().flushUsage()
    expect(await rows('select endpoint, status_code from public.api_usage_logs')).toEqual([
      { endpoint: '/functions/v1/mapped-analytics', status_code: 200 },
    ])
    expect(await rows('select event from plinth.key_events order by id')).toEqual([
      { event: 'created' },
      { event: 'revealed' },
    ])
    expect(await rows('select last_used_at is not null as used from public.api_keys')).toEqual([
      { used: true },
    ])
  })

  it('can be read before a node has sealed them, and not a day later', async () => {
    await rows(printed)
    await rows(printed)
    const [first, second] = await rows('select id::text from public.api_keys order by ctid desc limit 2')
    expect(await keys().reveal(first!.id as string)).toMatch(/^sk_/)
    await rows(`update plinth.plain_keys set created_at = now() - interval '400 days'`)
    await system.jobs.run('seal-keys')
    expect(await rows('select from plinth.unread_keys')).toEqual([])
    await expect(keys().reveal(second!.id as string)).rejects.toMatchObject({ code: 'key_not_readable' })
    await expect(keys().reveal('0'.repeat(8))).rejects.toMatchObject({ code: 'key_not_found' })
  })

  it('are inserted by clients whom the policies let, hidden from the answer, and never stored', async () => {
    const key = `sk_${'c'.repeat(32)}`
    const body = { key_name: 'Mine', key_value: key, permissions: ['analytics'] }
    const headers = { prefer: 'return=representation' }
    expect((await system.request('/rest/v1/api_keys', { method: 'POST', as: ada, body })).status).toBe(403)
    expect((await ask(key)).status).toBe(401)
    const made = await system.request('/rest/v1/api_keys', { method: 'POST', as: admin, headers, body })
    expect(made).toMatchObject({ status: 201, body: [{ key_value: 'sk_cccc…' }] })
    expect((await ask(key)).status).toBe(200)
    expect((await system.request('/rest/v1/api_keys', { method: 'POST', as: admin, body })).status).toBe(409)
    const weak = { ...body, key_value: 'sk_1' }
    expect(
      (await system.request('/rest/v1/api_keys', { method: 'POST', as: admin, body: weak })).status,
    ).toBe(422)
    const all = { ...body, key_value: `sk_${'d'.repeat(32)}`, permissions: ['*'] }
    expect((await system.request('/rest/v1/api_keys', { method: 'POST', as: admin, body: all })).status).toBe(
      422,
    )
    const off = { is_active: false }
    await system.request('/rest/v1/api_keys?key_name=eq.Mine', { method: 'PATCH', as: admin, body: off })
    expect((await ask(key)).body.code).toBe('key_revoked')
  })

  it('are not tied to another text by an insert that comes to nothing', async () => {
    const { id, key } = await keys().create({ name: 'Victim', permissions: ['analytics'] })
    const stolen = `sk_${'e'.repeat(32)}`
    const insert = (rest: string) =>
      system.database.asCaller(admin, {
        text: `insert into public.api_keys (id, key_name, key_value) values ($1, 'x', $2) ${rest}`,
        values: [id, stolen],
      })
    expect(await codeOf(insert('on conflict do nothing'))).toBe('done')
    expect((await ask(stolen)).status).toBe(401)
    expect(await codeOf(insert('on conflict (id) do update set key_value = excluded.key_value'))).toBe(
      'key_value_invalid',
    )
    expect(await codeOf(insert(`on conflict (id) do update set key_name = 'y'`))).toBe('done')
    const again = {
      text: `insert into public.api_keys (key_name, key_value) values ('z', $1)`,
      values: [key],
    }
    expect(await codeOf(system.database.asCaller(admin, again))).toBe('key_taken')
    expect((await ask(stolen)).status).toBe(401)
    expect((await ask(key)).status).toBe(200)
  })

  it('are not made by a key, whatever its user may', async () => {
    await system.signUp(admin)
    const { key } = await keys().create({ name: 'Service', permissions: ['*:write', '*:read'] })
    const caller = {
      ...admin,
      claims: { ...admin.claims, key: { id: '5c6c2ea8-63d8-4a4f-9d1c-0a51a0a3f0a1', permissions: [] } },
    }
    const insert = {
      text: `insert into public.api_keys (key_name, key_value) values ('x', 'sk_${'k'.repeat(40)}')`,
    }
    expect(await codeOf(system.database.asCaller(caller, insert))).toBe('key_makes_no_keys')
    expect((await system.request('/rest/v1/api_keys', { headers: { apikey: key } })).body).toEqual([])
  })

  it('stay as they are when their tenant is rewound', async () => {
    const shop = '5c6c2ea8-63d8-4a4f-9d1c-0a51a0a3f0a2'
    await rows(`insert into public.shops values ($1, 'A')`, shop)
    const { id } = await keys().create({ name: 'Till', tenant: shop })
    expect(
      await rows(
        'select plinth.keys_table() as relation, id::text from plinth.keys where tenant::text = $1',
        shop,
      ),
    ).toEqual([{ relation: 'public.api_keys', id }])
  })

  it('get another text by an update, and the old one ends', async () => {
    const { id, key } = await keys().create({ name: 'Old', permissions: ['analytics'] })
    const next = `sk_${'f'.repeat(32)}`
    await system.database.asCaller(admin, {
      text: 'update public.api_keys set key_value = $2 where id = $1',
      values: [id, next],
    })
    expect((await ask(next)).status).toBe(200)
    expect((await ask(key)).body.code).toBe('key_revoked')
    expect(await keys().list()).toContainEqual(expect.objectContaining({ id, value: 'sk_ffff…' }))
    await rows('truncate public.api_keys cascade')
    expect((await ask(next)).body.code).toBe('key_unknown')
  })
})
