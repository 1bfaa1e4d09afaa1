import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectAsService, must, signUp } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
beforeAll(async () => {
  data = await createDataDir()
})
afterAll(() => data.remove())

const plinth = (...given: string[]) => runPlinth(data.dataDir, given)

describe('plinth without a server', () => {
  it.each([
    [['status'], 'not_running'],
    [['start', 'bakery'], 'unknown_system'],
    [['rewind', 'shops', 'some-shop', '--to', 'yesterday'], 'invalid_point'],
    [['rewind', 'shops', 'some-shop'], 'no_point'],
  ])('%j ends with one clear line and %s', async (given, code) => {
    const outcome = await plinth(...given)
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain(`[${code}]`)
    expect(outcome.stderr.trim().split('\n').length).toBeLessThanOrEqual(2)
  })

  it('explains itself', async () => {
    const { code, stdout } = await plinth('--help')
    expect(code).toBe(0)
    for (const word of ['start', 'status', 'import', 'rewind', 'PLINTH_PORT', 'DATABASE_URL'])
      expect(stdout).toContain(word)
  })
})

describe('a server', () => {
  it('takes PostgreSQL along when Ctrl-C is pressed twice', async () => {
    const impatient = await startPlinth({ dataDir: data.dataDir })
    const [line] = (await readFile(join(data.dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(impatient.pid, 'SIGINT')
    const heard = () => !existsSync(join(data.dataDir, 'server.json'))
    await expect.poll(heard, { interval: 2, timeout: 15_000 }).toBe(true)
    process.kill(impatient.pid, 'SIGINT')
    await impatient.stop()
    await expect.poll(() => isRunning(Number(line)), { timeout: 15_000 }).toBe(false)
  })
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('plinth beside a server', () => {
  let running: Plinth
  beforeAll(async () => {
    running = await startPlinth({ dataDir: data.dataDir })
  })
  afterAll(() => running.stop())

  it('says how to reach it, for people, programs and shells', async () => {
    const shops = running.systems.shops!
    expect(JSON.parse((await plinth('status', '--json')).stdout)).toMatchObject({ systems: { shops } })
    const shell = (await plinth('status', '-o', 'env')).stdout
    expect(shell).toContain(`API_URL="${shops.api_url}"`)
    expect(shell).toContain(`SERVICE_ROLE_KEY="${shops.service_role_key}"`)
    expect((await plinth('status')).stdout).toContain(shops.api_url)
  })

  it('writes no key and no password where it does not talk to a terminal', () => {
    const shops = running.systems.shops!
    expect(running.banner).toContain('plinth status')
    expect(running.banner).toContain(shops.api_url)
    for (const secret of [shops.anon_key, shops.service_role_key, shops.db_url])
      expect(running.banner).not.toContain(secret)
  })

  it('says how it does: details to the owner of the machine, words to anybody', async () => {
    const outcome = await plinth('health', '--json')
    expect(outcome.code).toBe(0)
    const report = JSON.parse(outcome.stdout)
    expect(report.checks['shops/database']).toMatchObject({ status: 'ok', detail: expect.any(Object) })
    const { origin } = new URL(running.systems.shops!.api_url)
    const told = (await (await fetch(`${origin}/health`)).json()) as typeof report
    expect(told.checks['shops/database']).toEqual({ status: 'ok' })
    expect((await plinth('health')).stdout).toMatch(/shops\/database +ok/)
  })

  it('is refused a second server on the same folder', async () => {
    const second = await plinth('start')
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('[data_folder_in_use]')
  })

  it('runs a job now and shows what came of it', async () => {
    expect((await plinth('jobs', 'run', 'shops', 'no-such-job')).stderr).toContain('[unknown_job]')
    expect((await plinth('jobs', 'run', 'shops', 'prune-expired-holds')).stdout).toContain(
      'queued prune-expired-holds',
    )
    await expect
      .poll(async () => JSON.parse((await plinth('jobs', 'list', 'shops', '--json')).stdout), {
        timeout: 20_000,
      })
      .toContainEqual(expect.objectContaining({ job: 'prune-expired-holds', outcome: 'succeeded' }))
  })

  it('changes nothing by commands that only read: no role is altered, nothing is written', async () => {
    const { clusters } = JSON.parse(await readFile(join(data.dataDir, 'server.json'), 'utf8'))
    const client = new pg.Client({ connectionString: clusters.shops.directUrl })
    await client.connect()
    // A password that is set again gets another salt; a migration that is looked at writes nothing.
    const look = async () =>
      (await client.query('select rolname, rolpassword from pg_authid order by 1')).rows
    const before = await look()
    for (const given of [
      ['status'],
      ['jobs', 'list', 'shops'],
      ['journal', 'show', 'shops'],
      ['webhooks', 'list', 'shops'],
      ['settings', 'list', 'shops'],
    ])
      expect(await plinth(...given)).toMatchObject({ code: 0 })
    expect(await look()).toEqual(before)
    await client.end()
  })

  it('erases a shop only when somebody has said so, and shows first what would go', async () => {
    const shops = running.systems.shops!
    const { client, userId } = await signUp(shops, 'leaving')
    const inserted = await client
      .from('shops')
      .insert({ name: 'Leaving', owner_id: userId })
      .select('id')
      .single()
    const shop = must(inserted).id as string
    const dry = await plinth('tenant', 'erase', 'shops', shop, '--dry-run', '--json')
    expect(JSON.parse(dry.stdout)).toContainEqual({ table: 'public.shops', rows: 1 })
    const unasked = await plinth('tenant', 'erase', 'shops', shop)
    expect(unasked.stderr).toContain('[erasure_not_confirmed]')
    expect(must(await client.from('shops').select('id').eq('id', shop))).toHaveLength(1)
    expect(await plinth('tenant', 'erase', 'shops', shop, '--yes')).toMatchObject({ code: 0 })
    expect(must(await client.from('shops').select('id').eq('id', shop))).toEqual([])
  })

  it('rewinds one shop to an instant, not its neighbour, and the journal holds', async () => {
    const shops = running.systems.shops!
    const { client, userId } = await signUp(shops, 'rewound')
    const openShop = async (name: string) => {
      const shop = must(await client.from('shops').insert({ name, owner_id: userId }).select('id').single())
        .id as string
      const item = must(
        await client.from('items').insert({ shop_id: shop, name: 'Cup', stock: 5 }).select('id').single(),
      ).id as string
      return { shop, item }
    }
    const [mine, neighbour] = [await openShop('Mine'), await openShop('Neighbour')]
    const order = (number: string, quantity: number, status = 'Confirmed') =>
      client.from('form_submissions').insert({
        shop_id: mine.shop,
        submission_id: number,
        status,
        ordered_products: [{ productId: mine.item, quantity, unitPrice: 1 }],
      })
    await delay(20)
    const instant = new Date().toISOString()
    await delay(20)
    must(await client.from('items').update({ name: 'Broken cup' }).eq('id', mine.item).select('id'))
    expect((await order('ORD-HELD', 3, 'Pending')).error).toBeNull()
    must(await client.from('items').insert({ shop_id: mine.shop, name: 'By mistake', stock: 1 }).select('id'))
    must(await client.from('items').update({ name: 'Neighbour’s cup' }).eq('id', neighbour.item).select('id'))

    const dry = await plinth('rewind', 'shops', mine.shop, '--to', instant, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('public.items') })
    const unconfirmed = await plinth('rewind', 'shops', mine.shop, '--to', instant)
    expect(unconfirmed.stderr).toContain('[not_confirmed]')
    const itemsOf = async (shop: string) =>
      must(
        await connectAsService(shops).from('items').select('name, stock').eq('shop_id', shop).order('name'),
      )
    expect(await itemsOf(mine.shop)).toHaveLength(2)

    const mistyped = await plinth('rewind', 'shops', mine.shop.toUpperCase(), '--to', instant, '--yes')
    expect(mistyped).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Did you mean "${mine.shop}"?`),
    })
    const done = await plinth('rewind', 'shops', mine.shop, '--to', instant, '--yes')
    expect(done).toMatchObject({ code: 0 })
    const [, id] = /--undo (\S+)/.exec(done.stderr) ?? []
    expect(await plinth('rewind', 'shops', mine.shop, '--undo', id!, '--yes')).toMatchObject({ code: 0 })
    expect(await itemsOf(mine.shop)).toHaveLength(2)
    expect(await plinth('rewind', 'shops', mine.shop, '--to', instant, '--yes')).toMatchObject({ code: 0 })
    expect(await itemsOf(mine.shop)).toEqual([{ name: 'Cup', stock: 5 }])
    expect((await order('ORD-6', 6)).error).not.toBeNull()
    expect((await order('ORD-5', 5)).error).toBeNull()
    expect(await itemsOf(neighbour.shop)).toEqual([{ name: 'Neighbour’s cup', stock: 5 }])
    expect(await plinth('journal', 'verify', 'shops')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^sound: /),
    })
  })
})
