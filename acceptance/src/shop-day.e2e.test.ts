import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { type ChannelSimulator, startChannels } from '@plinth/simulators'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, must, signUp } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let simulator: ChannelSimulator
beforeAll(async () => {
  data = await createDataDir()
  simulator = await startChannels()
  plinth = await startPlinth({
    dataDir: data.dataDir,
    arguments: ['shops'],
    environment: { PLINTH_SHOPS_CHANNELS_TELEGRAM_URL: simulator.url },
  })
}, 300_000)
afterAll(async () => {
  await plinth.stop()
  await simulator.stop()
  await data.remove()
})

const until = async <T>(ask: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> => {
  const ends = Date.now() + 60_000
  for (;;) {
    const answer = await ask()
    if (isThere(answer)) return answer
    if (Date.now() > ends) throw new Error(`It did not become so: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

describe('the API reference (S-G1)', () => {
  it('works as it is printed, from its first example to its last', async () => {
    const page = await readFile(
      new URL('../../systems/shops/BACKEND_API_REFERENCE.md', import.meta.url),
      'utf8',
    )
    const examples = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, example]) => example!)
    expect(examples.length).toBeGreaterThan(8)
    const { stdout } = await runPlinth(data.dataDir, ['keys', '--env', 'vite'])
    const environment = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    )
    const file = new URL(`./reference-${process.pid}.mts`, import.meta.url)
    await writeFile(file, examples.join('\n'))
    try {
      const running = spawn(process.execPath, [file.pathname], {
        env: { ...process.env, ...environment, SERVICE_ROLE_KEY: plinth.systems.shops!.service_role_key },
      })
      let said = ''
      for (const stream of [running.stdout, running.stderr])
        stream.on('data', (chunk) => {
          said += String(chunk)
        })
      const [code] = await once(running, 'close')
      expect(code, said).toBe(0)
      expect(said).toContain('insufficient_stock')
    } finally {
      await rm(file, { force: true })
    }
  })

  it('plinth keys --env vite prints what an app needs, and no service key (S-G2)', async () => {
    const { api_url, anon_key } = plinth.systems.shops!
    const { stdout } = await runPlinth(data.dataDir, ['keys', '--env', 'vite'])
    expect(stdout).toBe(`VITE_SUPABASE_URL=${api_url}\nVITE_SUPABASE_ANON_KEY=${anon_key}\n`)
  })
})

describe('a day in a shop', () => {
  let owner: Awaited<ReturnType<typeof signUp>>
  let agent: Awaited<ReturnType<typeof signUp>>
  let shopId: string
  let teaId: string
  const heard: string[] = []

  const invoke = async (client: SupabaseClient, name: string, body: object) => {
    const { data: answer, error } = await client.functions.invoke(name, { body })
    if (error) throw new Error(JSON.stringify(await error.context.json()))
    return answer.data
  }

  it('opens: sign-up, items, a form, a colleague, and everybody hears of stock, orders and messages (S-B11)', async () => {
    owner = await signUp(plinth.systems.shops!, 'shopkeeper')
    agent = await signUp(plinth.systems.shops!, 'agent')
    const shop = { name: 'Tea and so on', owner_id: owner.userId, timezone: 'Europe/London', currency: 'GBP' }
    shopId = must(await owner.client.from('shops').insert(shop).select('id').single()).id
    const tea = { shop_id: shopId, name: 'Tea', retail_price: 4.2, original_price: 2, stock: 50 }
    teaId = must(await owner.client.from('items').insert(tea).select('id').single()).id
    const invitation = must(
      await owner.client.rpc('invite_member', {
        p_shop_id: shopId,
        p_role: 'Support Agent',
        p_user_id: agent.userId,
      }),
    ) as { id: string }
    must(await agent.client.rpc('accept_invitation', { p_invitation_id: invitation.id }))
    const tables = ['items', 'stock_history', 'form_submissions', 'messages']
    await Promise.all(
      tables.map(
        (table) =>
          new Promise<void>((resolve) => {
            agent.client
              .channel(table)
              .on('postgres_changes', { event: '*', schema: 'public', table }, () => void heard.push(table))
              .subscribe((state) => state === 'SUBSCRIBED' && resolve())
          }),
      ),
    )
  })

  it('sells: a customer without an account orders by the form and pays, and the units leave the shelf', async () => {
    const form = must(
      await owner.client
        .from('forms')
        .insert({ shop_id: shopId, name: 'Order', all_items: true })
        .select('id')
        .single(),
    )
    const customer = connect(plinth.systems.shops!)
    const key = crypto.randomUUID()
    const placed = await invoke(customer, `order-forms/${form.id}/orders`, {
      key,
      items: [{ id: teaId, quantity: 3 }],
    })
    expect(placed).toMatchObject({ status: 'Pending', total: 12.6 })
    const proof = new FormData()
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    proof.set('file', new File([Buffer.from(png, 'base64')], 'proof.png', { type: 'image/png' }))
    const sent = await customer.functions.invoke(`order-forms/${form.id}/orders/${placed.id}/payment-proof`, {
      body: proof,
      headers: { 'x-order-key': key },
    })
    expect(sent.error).toBeNull()
    const waiting = must(
      await owner.client.from('payment_proofs').select('id, path').eq('state', 'pending').single(),
    )
    const picture = must(await owner.client.storage.from('payment-proofs').download(waiting.path))
    expect(picture.size).toBeGreaterThan(50)
    must(await owner.client.rpc('review_payment_proof', { p_proof_id: waiting.id, p_accept: true }))
    expect(must(await owner.client.from('items').select('stock').eq('id', teaId).single()).stock).toBe(47)
  })

  it('answers: a customer’s message by a keyword, an agent by hand, both by the channel it came by', async () => {
    const account = await invoke(owner.client, 'conversation-operations', {
      action: 'connect_channel',
      shopId,
      platform: 'telegram',
      accessToken: 'token-of-the-bot',
      webhookSecret: 'secret-of-the-webhook',
    })
    must(
      await owner.client
        .from('keyword_replies')
        .insert({ shop_id: shopId, keywords: ['open'], reply: 'From nine to five.' })
        .select('id'),
    )
    const message = simulator.telegram({
      customer: '7',
      text: 'Are you open?',
      id: '1',
      secret: 'secret-of-the-webhook',
    })
    const { api_url } = plinth.systems.shops!
    const delivered = await fetch(`${api_url}/channels/${account.integrationId}`, {
      method: 'POST',
      body: message.body,
      headers: message.headers,
    })
    expect(delivered.status).toBe(200)
    await until(
      async () => simulator.taken.length,
      (count) => count === 1,
    )
    const [conversation] = must(await agent.client.rpc('get_inbox', { p_shop_id: shopId })) as {
      id: string
      unread: number
    }[]
    expect(conversation).toMatchObject({ unread: 1 })
    must(
      await agent.client
        .from('messages')
        .insert({ shop_id: shopId, conversation_id: conversation!.id, sender: 'bot', text: 'Come in!' })
        .select('id'),
    )
    await until(
      async () => simulator.taken.map(({ text }) => text),
      (texts) => texts.includes('Come in!'),
    )
    expect(simulator.taken.map(({ text }) => text)).toEqual(['From nine to five.', 'Come in!'])
  })

  it('counts: the day’s metrics follow by themselves and name the orders behind them', async () => {
    const date = new Date().toLocaleDateString('en-CA', { timeZone: 'Europe/London' })
    const range = { p_shop_id: shopId, p_start_date: date, p_end_date: date }
    const [day] = await until(
      async () =>
        must(await owner.client.rpc('get_sales_metrics', range)) as {
          revenue_minor: number
          cost_minor: number
        }[],
      (days) => days[0]?.revenue_minor === 1260,
    )
    expect(day).toMatchObject({ cost_minor: 600 })
    const behind = must(await owner.client.rpc('explain_day', { p_shop_id: shopId, p_date: date })) as {
      revenue_minor: number
    }[]
    expect(behind.map(({ revenue_minor }) => revenue_minor)).toEqual([1260])
    expect(new Set(heard)).toEqual(new Set(['items', 'stock_history', 'form_submissions', 'messages']))
  })

  it('is closed to everybody else: without a user no function answers, and administration is an administrator’s (S-B9)', async () => {
    const stranger = connect(plinth.systems.shops!)
    const statusOf = async (client: SupabaseClient, name: string, body: object) =>
      (await client.functions.invoke(name, { body })).error?.context.status
    const calls: Readonly<Record<string, object>> = {
      'inventory-operations': { action: 'get_low_stock', shopId },
      'analytics-operations': { action: 'get_shop_stats', shopId },
      'conversation-operations': { action: 'test_replies', shopId, text: 'x' },
      'subscription-operations': { action: 'get', shopId },
      'admin-operations': { action: 'get_platform_stats', startDate: '2026-01-01', endDate: '2026-01-01' },
    }
    for (const [name, body] of Object.entries(calls))
      expect(await statusOf(stranger, name, body), name).toBe(401)
    expect(await statusOf(owner.client, 'admin-operations', calls['admin-operations']!)).toBe(403)
    await Promise.all([owner, agent].map(({ client }) => client.removeAllChannels()))
  })
})
