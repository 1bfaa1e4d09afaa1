import { alertsOffer } from '@plinth/platform/alerts'
import { sql } from '@plinth/platform/database'
import { paymentsOffer } from '@plinth/platform/payments'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, line, openShop, order, refusal, setStatus, value } from './shop-fixture.ts'

const test = useSystem(shops, { environment: { PLINTH_SHOPS_ALERTS_MAIL_TO: '["ops@example.test"]' } })
const ada = actor('ada')
const boss = actor('boss')
const agent = actor('agent')
let shopId: string

beforeAll(async () => {
  await test.signUp(ada, boss, agent)
  shopId = await openShop(test.database, ada)
  await test.database.asOwner(sql`update public.profiles set is_admin = true where id = ${boss.userId}`)
  await test.database.asOwner(
    sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${agent.userId}, 'Support Agent')`,
  )
})

const act = async (body: object, as = ada) =>
  (await test.call('subscription-operations', { shopId, ...body }, { as })).body

const shop = async () =>
  (
    await test.database.asOwner<Record<'plan' | 'status' | 'interval' | 'extension', string>>(
      sql`select subscription_plan as plan, subscription_status as status, billing_interval as interval, data_extension_status as extension
          from public.shops where id = ${shopId}`,
    )
  ).rows[0]!

/** Money that came by a transfer. */
const pay = async (id: string) => {
  const payments = test.project.offer(paymentsOffer)
  const { amount } = await payments.order(id)
  await payments.enterManual({ order: id, method: 'bank_transfer', reference: id, amount, by: null })
}

describe('a shop’s plan', () => {
  it('begins when it is paid, and changes through its subscription only', async () => {
    expect((await act({ action: 'get' })).code).toBe('no_subscription')
    const nowhere = { action: 'resume', shopId: '11111111-1111-4111-8111-111111111111' }
    const refused = await test.call('subscription-operations', nowhere, { as: 'service' })
    expect(refused.body.code).toBe('no_subscription')
    expect((await act({ action: 'subscribe', plan: 'Pro' }, agent)).code).toBe('forbidden')
    const asked = await act({ action: 'subscribe', plan: 'Pro' })
    expect(asked.data, JSON.stringify(asked)).toMatchObject({
      plan: 'Pro',
      status: 'incomplete',
      amount: 1_000_000,
      dueOrder: expect.any(String),
    })
    expect(await shop()).toMatchObject({ plan: 'Starter', status: 'trialing' })
    await pay(asked.data.dueOrder)
    expect(await shop()).toMatchObject({ plan: 'Pro', status: 'active', interval: 'month' })
    expect((await act({ action: 'get' })).data).toMatchObject({ status: 'active', dueOrder: null })
    expect((await act({ action: 'pay', provider: 'stripe' })).code).toBe('nothing_to_pay')
    const change = await act({ action: 'change_plan', plan: 'Growth' })
    expect((await shop()).plan).toBe('Pro')
    await pay(change.data.dueOrder)
    expect(await shop()).toMatchObject({ plan: 'Growth', status: 'active' })
    const raise = test.database.asCaller(
      ada,
      sql`update public.shops set subscription_plan = 'Growth' where id = ${shopId}`,
    )
    expect(await refusal(raise)).toBe('42501')
  })

  it('ends with its period when it is cancelled, and the platform’s MRR follows', async () => {
    expect((await act({ action: 'cancel' })).data).toMatchObject({ status: 'active', endsWithPeriod: true })
    expect((await act({ action: 'resume' })).data).toMatchObject({ endsWithPeriod: false })
    await act({ action: 'cancel', immediately: true })
    expect((await shop()).status).toBe('expired')
    const { rows } = await test.database.asOwner<{ mrr: number }>(
      sql`select mrr_minor::integer as mrr from public.subscription_changes where shop_id = ${shopId} order by id`,
    )
    expect(rows.map(({ mrr }) => mrr)).toEqual([0, 1_000_000, 2_500_000, 0])
  })

  it('waits for an administrator where the plan needs approval', async () => {
    await test.database.asOwner(sql`update public.plans set needs_approval = true where plan = 'Pro'`)
    const asked = await act({ action: 'subscribe', plan: 'Pro', interval: 'year' })
    expect(asked.data.status).toBe('pending_approval')
    expect((await act({ action: 'approve' })).code).toBe('forbidden')
    const approved = await act({ action: 'approve' }, boss)
    await pay(approved.data.dueOrder)
    expect(await shop()).toMatchObject({ plan: 'Pro', status: 'active', interval: 'year' })
  })
})

describe('the data extension', () => {
  it('is asked for, let in, paid and active for a year; each state follows the table', async () => {
    await test.database.asOwner(sql`update private.data_extension set price_minor = 5000`)
    const review = (accept: boolean, as = boss) =>
      refusal(test.database.asCaller(as, sql`select public.review_data_extension(${shopId}, ${accept})`))
    expect(await review(true)).toBe('invalid_data_extension PT409')
    await test.database.asCaller(ada, sql`select public.request_data_extension(${shopId})`)
    expect(await review(true, ada)).toBe('forbidden PT403')
    expect(await review(true)).toBe('nothing was refused')
    expect((await shop()).extension).toBe('pending_payment')
    // Stripe is not set here: the order is made all the same, and a transfer pays it.
    expect((await act({ action: 'pay', what: 'data_extension', provider: 'stripe' })).code).toBe(
      'payment_provider_off',
    )
    const id = await value<string>(
      test.database,
      null,
      sql`select id from plinth.payment_orders where purpose = 'data-extension'`,
    )
    await pay(id)
    expect((await shop()).extension).toBe('active')
    await test.database.asOwner(
      sql`update public.shops set data_extension_ends_at = now() where id = ${shopId}`,
    )
    await test.jobs.run('expire-subscriptions')
    expect((await shop()).extension).toBe('expired')
    const revenue = sql`select sum(data_extension_revenue_minor)::integer from public.subscription_changes where shop_id = ${shopId}`
    expect(await value(test.database, null, revenue)).toBe(5_000)
  })
})

describe('people are told', () => {
  const notices = async (as: typeof ada) =>
    (
      await test.database.asCaller<{ title: string }>(
        as,
        sql`select title from public.in_app_notifications order by created_at`,
      )
    ).rows.map(({ title }) => title)

  it('of low stock: the team that sells, once for all items of an order (S-B3)', async () => {
    const [mug, bowl] = [
      await addProduct(test.database, shopId, 'Mug', 11),
      await addProduct(test.database, shopId, 'Bowl', 11),
    ]
    await test.database.asCaller(ada, order(shopId, 'LOW', [line(mug, 3), line(bowl, 4)], 'Confirmed'))
    await test.jobs.runDue()
    expect(await notices(ada)).toEqual(['Low stock at Corner shop'])
    expect(await notices(agent)).toEqual([])
    const { rows } = await test.database.asCaller(
      ada,
      sql`select stock, threshold from public.low_stock_alerts where resolved_at is null order by stock`,
    )
    expect(rows).toEqual([
      { stock: 7, threshold: 10 },
      { stock: 8, threshold: 10 },
    ])
  })

  it('of their order: customers with an address, each state once, and not where the shop says so', async () => {
    const mug = await addProduct(test.database, shopId, 'Cup', 100)
    const place = (number: string) =>
      test.database.asCaller(
        ada,
        sql`insert into public.form_submissions (shop_id, submission_id, customer_email, ordered_products)
            values (${shopId}, ${number}, 'cleo@example.test', ${JSON.stringify([line(mug, 2)])}::jsonb)`,
      )
    await place('TOLD')
    for (const status of ['Confirmed', 'Pending', 'Confirmed'])
      await test.database.asCaller(ada, setStatus(shopId, 'TOLD', status))
    await test.database.asCaller(
      ada,
      sql`update public.form_submissions set shipping_status = 'shipped', shipping_carrier = 'Post', tracking_number = 'T1' where submission_id = 'TOLD'`,
    )
    await test.database.asCaller(
      ada,
      sql`update public.shops set notify_customers = false where id = ${shopId}`,
    )
    await place('SILENT')
    const subjects = await value<string[]>(
      test.database,
      null,
      sql`select array_agg(template order by created_at, template) from plinth.notifications where address = 'cleo@example.test'`,
    )
    expect(subjects).toEqual(['order-received', 'order-changed', 'order-shipped'])
  })

  it('of the platform’s alerts: by mail to the addresses that are set', async () => {
    const alerts = test.project.offer(alertsOffer)
    await test.database.asOwner(sql`
      with talk as (insert into public.conversations (shop_id) values (${shopId}) returning id),
      reply as (
        insert into public.messages (shop_id, conversation_id, sender, text) select ${shopId}, talk.id, 'bot', 'x' from talk, generate_series(1, 101) returning id
      )
      insert into public.outbound_messages (message_id, shop_id) select id, ${shopId} from reply`)
    for (let minutes = 0; minutes < 33; minutes += 32) {
      await test.jobs.run('watch-project')
      test.clock.advance(32 * 60_000)
    }
    expect(await alerts.list({ openOnly: true })).toMatchObject([{ rule: 'replies-waiting' }])
    await test.jobs.run('watch-project')
    const { rows } = await test.database.asOwner(
      sql`select channel, address, subject from plinth.notifications where address = 'ops@example.test'`,
    )
    expect(rows).toEqual([
      {
        channel: 'email',
        address: 'ops@example.test',
        subject: 'shops: warning: Replies to customers wait to be sent.',
      },
    ])
  })
})
