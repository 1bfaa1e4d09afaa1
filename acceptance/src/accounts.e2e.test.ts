import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must, signUp } from './clients.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir, port: 54_701 })
})
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

const shops = () => plinth.systems.shops!

/** Keeps a session where a browser would, so that a client made later finds it. */
function createStorage() {
  const values = new Map<string, string>()
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
}

describe('an account', () => {
  it('signs up, in, out and in again', async () => {
    const { client, email, password, userId } = await signUp(shops(), 'ada')
    expect((await client.auth.getUser()).data.user?.id).toBe(userId)
    must(await client.auth.updateUser({ data: { language: 'en' } }))
    expect((await client.auth.getUser()).data.user?.user_metadata).toMatchObject({
      full_name: 'ada',
      language: 'en',
    })
    expect((await client.auth.signOut()).error).toBeNull()
    expect((await client.auth.getUser()).data.user).toBeNull()
    const again = must(await client.auth.signInWithPassword({ email, password }))
    expect(again.user?.id).toBe(userId)
  })

  it('is refused with what supabase-js understands', async () => {
    const { email } = await signUp(shops(), 'ben')
    const client = connect(shops())
    const wrong = await client.auth.signInWithPassword({ email, password: 'not the password' })
    const unknown = await client.auth.signInWithPassword({
      email: 'nobody@example.test',
      password: 'not the password',
    })
    for (const { error } of [wrong, unknown])
      expect(error).toMatchObject({ status: 400, code: 'invalid_credentials' })
    expect((await client.auth.signUp({ email, password: 'another password' })).error?.code).toBe(
      'user_already_exists',
    )
    expect((await client.auth.signUp({ email: 'weak@example.test', password: 'abc' })).error?.code).toBe(
      'weak_password',
    )
  })

  it('rotates its refresh token, and loses the family when an old one is used', async () => {
    const { client } = await signUp(shops(), 'cleo')
    const first = must(await client.auth.getSession()).session!
    const second = must(await client.auth.refreshSession()).session!
    const third = must(await client.auth.refreshSession()).session!
    expect(new Set([first, second, third].map((session) => session.refresh_token)).size).toBe(3)
    const thief = connect(shops())
    const stolen = await thief.auth.refreshSession({ refresh_token: first.refresh_token })
    expect(stolen.error).toMatchObject({ code: 'refresh_token_already_used' })
    expect((await client.auth.refreshSession()).error).not.toBeNull()
  })

  it('is administered with the service key, and with no other', async () => {
    const { client, userId } = await signUp(shops(), 'dora')
    const service = connectAsService(shops())
    expect(must(await service.auth.admin.getUserById(userId)).user?.id).toBe(userId)
    const made = must(
      await service.auth.admin.createUser({
        email: 'made@example.test',
        password: 'by an admin',
        email_confirm: true,
      }),
    )
    expect(must(await service.auth.admin.listUsers()).users.map(({ id }) => id)).toEqual(
      expect.arrayContaining([userId, made.user!.id]),
    )
    must(await service.auth.admin.deleteUser(made.user!.id))
    expect((await service.auth.admin.getUserById(made.user!.id)).error?.status).toBe(404)
    expect((await client.auth.admin.listUsers()).error?.status).toBe(403)
  })

  it('keeps its session across a restart of the server', async () => {
    const storage = createStorage()
    const connectStored = () => createClient(shops().api_url, shops().anon_key, { auth: { storage } })
    const client = connectStored()
    const email = 'patient@example.test'
    const { user } = must(await client.auth.signUp({ email, password: 'long enough' }))
    await plinth.stop()
    plinth = await startPlinth({ dataDir: data.dataDir, port: 54_701 })
    const later = connectStored()
    expect((await later.auth.getUser()).data.user?.id).toBe(user!.id)
    expect(must(await later.auth.refreshSession()).user?.id).toBe(user!.id)
  })
})

describe('rows', () => {
  let owner: SupabaseClient
  let ownerId: string
  let shopId: string
  beforeAll(async () => {
    const account = await signUp(shops(), 'owner')
    owner = account.client
    ownerId = account.userId
    const shop = must(
      await owner.from('shops').insert({ name: 'Corner', owner_id: ownerId }).select('id').single(),
    )
    shopId = shop.id
  })

  it('are written in bulk, and again without doubling', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => ({
      shop_id: shopId,
      sku: `sku-${String(index).padStart(2, '0')}`,
      name: `Item ${index}`,
      retail_price: 1.25,
      stock: 10,
    }))
    must(await owner.from('items').upsert(rows, { onConflict: 'shop_id,sku' }).select('id'))
    const renamed = rows.map((row) => ({ ...row, name: `${row.name}, renamed` }))
    const again = must(
      await owner.from('items').upsert(renamed, { onConflict: 'shop_id,sku' }).select('name'),
    )
    expect(again.every(({ name }) => name.endsWith('renamed'))).toBe(true)
    const counted = await owner
      .from('items')
      .select('*', { count: 'exact', head: true })
      .eq('shop_id', shopId)
    expect(counted.count).toBe(60)
  })

  it('are read with two embeds, a filter, an order and a range', async () => {
    const answer = await owner
      .from('items')
      .select('sku, name, shop:shops!inner(name, team_members(role)), stock_history(change, reason)', {
        count: 'exact',
      })
      .eq('shop_id', shopId)
      .gte('sku', 'sku-10')
      .order('sku', { ascending: false })
      .range(0, 4)
    const items = must(answer)
    expect(answer.count).toBe(50)
    expect(items.map(({ sku }) => sku)).toEqual(['sku-59', 'sku-58', 'sku-57', 'sku-56', 'sku-55'])
    expect(items[0]).toMatchObject({ shop: { name: 'Corner' }, stock_history: [{ change: 10 }] })
  })

  it('are changed through a function of the database', async () => {
    const item = must(await owner.from('items').select('id, stock').eq('sku', 'sku-00').single())
    const answer = must(
      await owner.rpc('update_stock', { p_item_id: item.id, p_change: -3, p_reason: 'broken' }),
    )
    expect(answer).toMatchObject({ success: true, previous_stock: 10, change: -3, new_stock: 7 })
  })

  it('are refused to strangers, and say what is wrong with a question', async () => {
    const stranger = (await signUp(shops(), 'stranger')).client
    expect(must(await stranger.from('items').select('id').eq('shop_id', shopId))).toEqual([])
    expect((await stranger.from('items').insert({ shop_id: shopId, name: 'Mine now' })).error?.code).toBe(
      '42501',
    )
    expect(
      must(await stranger.from('items').update({ name: 'Mine now' }).eq('shop_id', shopId).select('id')),
    ).toEqual([])
    expect((await connect(shops()).from('items').select('id')).error?.code).toBe('42501')
    expect((await owner.from('itemz').select('*')).error).toMatchObject({
      code: 'PGRST205',
      hint: expect.stringContaining('items'),
    })
    expect((await owner.from('items').select('colour')).error?.code).toBe('42703')
    expect(
      (await owner.from('items').select('id').eq('sku', 'sku-00').eq('name', 'no').single()).error?.code,
    ).toBe('PGRST116')
    expect(
      (await owner.from('items').insert({ shop_id: shopId, sku: 'sku-00', name: 'Twice' })).error?.code,
    ).toBe('23505')
    expect((await owner.from('items').update({ stock: -1 }).eq('sku', 'sku-00')).error?.code).toBe('23514')
  })
})
