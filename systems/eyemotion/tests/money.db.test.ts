import { sql } from '@plinth/platform/database'
import { createRandom } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { CreditOracle, randomHistory } from './credit-oracle.ts'
import { type Person, studioOf } from './open-studio.ts'
import { useTill } from './open-till.ts'

const { till } = useTill()
let studio: ReturnType<typeof studioOf>
let root: Person

beforeAll(async () => {
  studio = studioOf(till().system)
  root = await studio.register('root')
  await studio.makeAdmin(root, 'super_admin')
})

const signIn = async ({ email }: Person): Promise<Person> =>
  studio.personOf(await studio.call('POST', '/auth/signin', { email, password: 'correct horse battery' }))

const pay = async (session: string, number?: string) => {
  till().stripe.payCheckout(session, number ? { number } : {})
  await till().settle()
}

async function buy(person: Person, credits: number, number?: string) {
  const { body } = await person.call('POST', '/payments/credits', { credits })
  await pay(body.sessionId, number)
  return body as { orderId: string; sessionId: string; amount: number }
}

const available = async (person: Person) => (await person.get('/credits')).available as number
const planOf = async (person: Person) => {
  const { subscription, credits } = await person.get('/auth/me')
  return { ...subscription, available: credits.available }
}
const chargeOf = (stripe = till().stripe) =>
  (stripe.events().findLast(({ type }) => type === 'charge.succeeded')!.data.object as { id: string }).id
const income = (account: string) =>
  studio.value<number>(
    sql`select coalesce(-sum(balance), 0)::int from plinth.ledger_accounts where tenant = '' and name = ${account}`,
  )

describe('credits that are bought', () => {
  it('E-P2, E-P4, E-N3: 0.50 THB each, granted once and in the history though every webhook comes three times in any order', async () => {
    const ada = await studio.register('ada')
    till().stripe.webhooks.setRules({ times: 3, shuffle: true })
    const { amount } = await buy(ada, 200)
    till().stripe.webhooks.setRules({})
    expect(amount).toBe(10_000)
    expect(await available(ada)).toBe(300)
    const { transactions, total } = await ada.get('/payments/history')
    expect(total).toBe(1)
    // Number of the invoice, and a link to the receipt.
    expect(transactions[0]).toMatchObject({
      amount: 10_000,
      currency: 'thb',
      status: 'completed',
      transaction_type: 'credit_purchase',
      credits: 200,
      invoice_number: expect.stringMatching(/^INV-\d{4}-\d{6}$/),
      receipt_url: expect.stringMatching(/^http/),
    })
    const documents = sql`select content from plinth.documents where kind = 'invoice'`
    expect(await studio.value(documents)).toMatchObject({
      total: 10_000,
      vat: 654,
      net: 9_346,
      vat_percent: 7,
    })
    expect([await income('credits'), await income('vat')]).toEqual([9_346, 654])
  })

  it('the same Idempotency-Key is the same purchase, and a session is the same page', async () => {
    const ben = await studio.register('ben')
    const begin = () =>
      ben.call('POST', '/payments/credits', { credits: 50 }, { headers: { 'idempotency-key': 'button' } })
    const [first, again] = [(await begin()).body, (await begin()).body]
    expect(again).toEqual(first)
    expect((await ben.call('POST', '/payments/credits', { credits: 19 })).status).toBe(400)
  })

  it('AT-21, E6: a refund in parts takes as many credits as money, and never more; what was spent of them is owed', async () => {
    const cat = await studio.register('cat')
    const { orderId } = await buy(cat, 300)
    expect(await available(cat)).toBe(400)
    for (const [key, amount, left] of [
      ['a', 5_000, 300],
      ['b', 3_333, 233],
    ] as const) {
      const asked = await root.call('POST', `/admin/orders/${orderId}/refund`, {
        key,
        amount,
        reason: 'not needed',
      })
      expect(asked.status).toBe(200)
      await till().settle()
      expect(await available(cat)).toBe(left)
    }
    await cat.call('POST', '/credits/use', { key: 'all', credits: 233, action: 'render' })
    await root.call('POST', `/admin/orders/${orderId}/refund`, { key: 'c', reason: 'the rest' })
    await till().settle()
    expect(await cat.get('/credits')).toMatchObject({ available: 0, owed: 133, extra: 0 })
    const { transactions } = await cat.get('/payments/history')
    const refunds = transactions.filter(
      (each: { transaction_type: string }) => each.transaction_type === 'refund',
    )
    expect(refunds.map(({ amount }: { amount: number }) => amount).sort()).toEqual([3_333, 5_000, 6_667])
    expect(refunds[0].invoice_number).toMatch(/^CN-/)
    expect(transactions.at(-1)).toMatchObject({ status: 'refunded', refunded_amount: 15_000 })
    // New credits cover what is owed first.
    await buy(cat, 200)
    expect(await cat.get('/credits')).toMatchObject({ available: 67, owed: 133, extra: 200 })
  })

  it('a dispute withholds its credits, won gives them back, lost takes them', async () => {
    const dan = await studio.register('dan')
    await buy(dan, 100)
    const dispute = till().stripe.dispute(chargeOf())
    await till().settle()
    expect(await available(dan)).toBe(100)
    till().stripe.closeDispute(dispute.id, 'won')
    await till().settle()
    expect(await available(dan)).toBe(200)
    const second = await buy(dan, 60)
    const lost = till().stripe.dispute(chargeOf())
    till().stripe.closeDispute(lost.id, 'lost')
    await till().settle()
    expect(await available(dan)).toBe(200)
    const { transactions } = await dan.get('/payments/history')
    expect(transactions[0]).toMatchObject({ status: 'refunded', refunded_amount: second.amount })
  })

  it('Radar’s risk is kept, and what it calls highly risky waits for an admin', async () => {
    const eva = await studio.register('eva')
    const { orderId } = await buy(eva, 40, '4000000000009235')
    expect((await eva.get('/payments/history')).transactions[0].risk_level).toBe('elevated')
    expect(await available(eva)).toBe(140)
    expect((await root.call('POST', `/admin/orders/${orderId}/release`)).body.code).toBe('order_not_withheld')
    await studio.value(
      sql`insert into private.withheld_orders (order_id, risk_level) values (${orderId}, 'highest')`,
    )
    await studio.value(sql`select private.follow_order(${orderId})::text`)
    expect(await available(eva)).toBe(100)
    expect((await root.get('/admin/dashboard')).withheld).toBe(1)
    expect((await root.call('POST', `/admin/orders/${orderId}/release`)).status).toBe(200)
    expect(await available(eva)).toBe(140)
  })

  it('E-P5: a webhook with a wrong signature is stored nowhere', async () => {
    const before = await studio.value<string>(sql`select count(*) from plinth.payment_facts`)
    const answer = await till().system.request('/functions/v1/make-server-7dc8476e/payments/webhook', {
      method: 'POST',
      headers: { 'stripe-signature': 'test', 'content-type': 'application/json' },
      body: 'test payload',
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'payment_signature_invalid' } })
    expect(await studio.value<string>(sql`select count(*) from plinth.payment_facts`)).toBe(before)
  })

  it('E-N2 paymentsEnabled switches checkouts off, and money that is on its way still counts', async () => {
    const fay = await studio.register('fay')
    const { sessionId } = (await fay.call('POST', '/payments/credits', { credits: 20 })).body
    await studio.setFlags({ paymentsEnabled: false })
    for (const path of ['/payments/credits', '/payments/checkout', '/payments/cancel'])
      expect(await fay.call('POST', path, { credits: 20, plan: 'pro' })).toMatchObject({
        status: 503,
        body: { code: 'feature_off' },
      })
    await pay(sessionId)
    await studio.setFlags({})
    expect(await available(fay)).toBe(120)
  })
})

describe('subscriptions', () => {
  const subscribe = async (person: Person, plan: string, number?: string) => {
    const { body, status } = await person.call('POST', '/payments/checkout', { plan })
    expect(status).toBe(200)
    await pay(body.sessionId, number)
  }

  it('E-P1, E-P3: subscribed, renewed, upgraded for the difference, downgraded for nothing, cancelled with its period (AT-20)', async () => {
    // Whoever came before `init/*` made the plans has none.
    const early = await studio.register('early')
    await till().system.database.asOwner(
      sql`delete from public.user_subscriptions where user_id = ${early.id}`,
    )
    for (const action of ['resume', 'cancel'])
      expect((await early.call('POST', `/payments/${action}`, {})).body.code).toBe('no_subscription')
    let gus = await studio.register('gus')
    expect((await gus.call('POST', '/payments/cancel', {})).body.code).toBe('no_subscription')
    expect((await gus.call('POST', '/payments/checkout', { plan: 'freemium' })).body.code).toBe(
      'plan_not_found',
    )
    // Another plan at the page before the first one is paid: one subscription all the same.
    await gus.call('POST', '/payments/checkout', { plan: 'studio' })
    await subscribe(gus, 'creator')
    expect(await planOf(gus)).toMatchObject({
      plan: 'creator',
      status: 'active',
      available: 1_100,
      storage_limit_bytes: 5 * 2 ** 30,
      stripe_subscription_id: expect.stringMatching(/^sub_/),
      stripe_customer_id: expect.stringMatching(/^cus_/),
    })
    expect((await gus.call('POST', '/payments/checkout', { plan: 'creator' })).body.code).toBe(
      'plan_is_current',
    )
    const { transactions } = await gus.get('/payments/history')
    expect(transactions[0]).toMatchObject({
      transaction_type: 'subscription',
      amount: 29_900,
      status: 'completed',
      invoice_url: expect.stringMatching(/^http/),
      invoice_number: expect.stringMatching(/^INV-/),
    })

    // AT-20: to and fro within a period mints nothing, and gives no money back for what was granted.
    const { available: before } = await planOf(gus)
    await gus.call('POST', '/payments/checkout', { plan: 'pro' })
    await till().settle()
    expect((await planOf(gus)).available).toBe(before + 4_000)
    const paid = await income('subscriptions')
    for (const plan of ['creator', 'pro', 'creator']) {
      await gus.call('POST', '/payments/checkout', { plan })
      await till().settle()
      expect((await planOf(gus)).available).toBe(before + 4_000)
    }
    expect(await income('subscriptions')).toBeGreaterThanOrEqual(paid)

    await till().pass(32)
    gus = await signIn(gus)
    expect(await planOf(gus)).toMatchObject({ plan: 'creator', available: 1_000, credits_used: 0 })
    expect(await gus.call('POST', '/payments/cancel', {})).toMatchObject({
      status: 200,
      body: { status: 'active', cancelAtPeriodEnd: true },
    })
    expect((await gus.call('POST', '/payments/resume')).body.cancelAtPeriodEnd).toBe(false)
    expect((await gus.call('POST', '/payments/portal', {})).body.url).toMatch(/^http/)
    await gus.call('POST', '/payments/cancel', {})
    await till().pass(32)
    gus = await signIn(gus)
    expect(await planOf(gus)).toMatchObject({
      plan: 'freemium',
      status: 'active',
      storage_limit_bytes: 2 ** 30,
    })
  })

  it('a renewal that fails keeps its credits back until it is paid, and tells the user (dunning)', async () => {
    let hal = await studio.register('hal')
    await subscribe(hal, 'creator')
    const { stripe } = till()
    // From now on the card is refused.
    const subscription = (await planOf(hal)).stripe_subscription_id as string
    const call = (path: string, body: string) =>
      fetch(`${stripe.url}/v1${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${stripe.secretKey}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body,
      }).then((answer) => answer.json() as Promise<{ id: string }>)
    const customer = (await planOf(hal)).stripe_customer_id
    const card = await call('/payment_methods/pm_card_chargeCustomerFail/attach', `customer=${customer}`)
    await call(`/subscriptions/${subscription}`, `default_payment_method=${card.id}`)
    await till().settle()
    await till().pass(32)
    hal = await signIn(hal)
    const overdue = await planOf(hal)
    expect(overdue).toMatchObject({ status: 'past_due', plan: 'creator' })
    expect(overdue.available).toBeLessThanOrEqual(100)
    const failed = (await hal.get('/payments/history')).transactions.find(
      ({ status }: { status: string }) => status === 'failed',
    )
    expect(failed).toMatchObject({ transaction_type: 'subscription', amount: 29_900 })
    const messages = sql`select count(*)::int from plinth.notifications where person = ${hal.id} and template = 'payment-failed' and channel = 'email'`
    expect(await studio.value<number>(messages)).toBe(1)

    const good = await call('/payment_methods/pm_card_visa/attach', `customer=${customer}`)
    await call(`/subscriptions/${subscription}`, `default_payment_method=${good.id}`)
    await till().pass(8)
    hal = await signIn(hal)
    expect(await planOf(hal)).toMatchObject({ status: 'active', available: 1_000 })
    expect(await hal.call('POST', '/payments/cancel', { immediately: true })).toMatchObject({
      body: { status: 'cancelled' },
    })
    expect(await planOf(hal)).toMatchObject({ plan: 'freemium' })
  })

  it('a downgrade with more files than the plan has room for has thirty days of grace, and deletes nothing', async () => {
    const ida = await studio.register('ida')
    await subscribe(ida, 'creator')
    const project = (await ida.call('POST', '/projects', { name: 'Big' })).body.project.id
    await studio.upload(ida, project, 'small.bin', new Uint8Array(1_000))
    // As if three GiB were there: the room is taken, the bytes need not be.
    await studio.value(
      sql`select plinth.place_hold('bytes', ${ida.id}, 'ballast', ${3 * 2 ** 30}, 'infinity')::text`,
    )
    await ida.call('POST', '/payments/cancel', { immediately: true })
    expect(await planOf(ida)).toMatchObject({
      plan: 'freemium',
      storage_limit_bytes: 5 * 2 ** 30,
      storage_grace_until: expect.any(String),
    })
    const later = new Date(till().system.clock.now().getTime() + 31 * 86_400_000)
    await till().system.database.asOwner(sql`select private.roll_accounts(${later})`)
    expect(await planOf(ida)).toMatchObject({ storage_limit_bytes: 2 ** 30, storage_grace_until: null })
    const asked = await ida.call('POST', '/files/upload-url', {
      projectId: project,
      fileName: 'x',
      fileSize: 1,
      fileType: 'video/mp4',
    })
    expect(asked).toMatchObject({ status: 413, body: { code: 'storage_full' } })
    expect((await ida.get(`/projects/${project}`)).project.file_count).toBe(1)
  })

  it('E-D3: the figures of a period are those of the ledger', async () => {
    root = await signIn(root)
    const figures = await root.get('/admin/analytics/financial?period=1y')
    expect(figures).toMatchObject({
      subscriptions: await income('subscriptions'),
      credits: await income('credits'),
      vat: await income('vat'),
      currency: 'thb',
    })
    expect(figures.revenue).toBe(figures.subscriptions + figures.credits)
    expect(figures.daily.reduce((sum: number, { revenue }: { revenue: number }) => sum + revenue, 0)).toBe(
      figures.revenue,
    )
    expect(
      await till().system.database.asOwner(sql`select name, problem from plinth.check_ledger(true)`),
    ).toMatchObject({ rows: [] })
  })
})

describe('AT-19: an account is what a plain model of it says', () => {
  const histories = process.env['PLINTH_TEST_LONG'] === '1' ? 10_000 : 8

  it(`over ${histories} random histories of grants, purchases, refunds, disputes, burns, returns and time`, async () => {
    const { database } = till().system
    const start = Date.UTC(2027, 0, 15)
    const at = (hours: number) => (Number.isFinite(hours) ? new Date(start + hours * 3_600_000) : 'infinity')
    const [{ id: admin }, service] = [
      root,
      { role: 'service_role', claims: { role: 'service_role' } } as never,
    ]
    for (let seed = 1; seed <= histories; seed += 1) {
      const user = crypto.randomUUID()
      await database.asOwner(
        sql`insert into auth.users (id, email, created_at) values (${user}, ${`${user}@example.com`}, ${at(0)})`,
      )
      const oracle = new CreditOracle()
      oracle.apply({ kind: 'lot', key: 'free', size: 100, expiresAt: 31 * 24, rank: 0 })
      const history = randomHistory(createRandom(seed), 24)
      for (const event of history) {
        const wanted = oracle.apply(event)
        let done = true
        if (event.kind === 'lot')
          await database.asOwner(
            sql`select private.grant_credits(${user}, ${event.key}, ${event.size}, ${at(event.expiresAt)}, ${event.rank})`,
          )
        if (event.kind === 'burn')
          done = await database
            .asCaller(
              service,
              sql`select private.burn_credits(${user}, ${`${user} ${event.key}`}, ${event.credits}, 'x', null, null, '{}', ${at(oracle.now)})`,
            )
            .then(
              () => true,
              (error: { detail?: string }) => error.detail?.includes('burn_key_taken') ?? false,
            )
        if (event.kind === 'return')
          await database.asCaller(
            service,
            sql`
            select private.return_usage(${admin}, id, 'test', '{}', ${at(oracle.now)}) from public.credits_usage where burn_key = ${`${user} ${event.key}`}`,
          )
        const { rows } = await database.asOwner<{ spendable: string; owed: string }>(sql`
          select private.spendable_credits(${user}, ${at(oracle.now)}) as spendable, credits_owed as owed from public.user_subscriptions where user_id = ${user}`)
        expect({
          seed,
          event,
          done,
          spendable: Number(rows[0]!.spendable),
          owed: Number(rows[0]!.owed),
        }).toEqual({
          seed,
          event,
          done: wanted,
          spendable: oracle.spendable,
          owed: oracle.owed,
        })
      }
    }
  })
})
