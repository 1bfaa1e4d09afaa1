import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { sql, type Transaction } from '../../database/index.ts'
import { defineSystem } from '../../system/index.ts'
import { payments as paymentsCapability, paymentsOffer } from '../index.ts'

const note = ({ query }: Transaction, subject: string, what: string) =>
  query(sql`insert into public.noted (subject, what) values (${subject}, ${what})`)

const club = defineSystem({
  name: 'club',
  summary: 'Members on plans.',
  tenant: null,
  uses: [
    paymentsCapability({
      hooks: {
        onSubscriptionChanged: async ({ subscription: { subject, status, plan }, before }, transaction) => {
          if (status !== before.status || plan !== before.plan)
            await note(transaction, subject, `${status} ${plan}`)
        },
        onSubscriptionDue: async ({ subscription }, transaction) =>
          void (await note(transaction, subscription.subject, 'due')),
        onGranted: async ({ subscription, name, amount }, transaction) =>
          void (await note(transaction, subscription.subject, `${amount} ${name}`)),
      },
      subscriptionLines: (amount) => [
        { account: 'fees', kind: 'income', amount: amount - Math.floor(amount / 10) },
        ...(amount >= 10
          ? [{ account: 'tax', kind: 'liability' as const, amount: Math.floor(amount / 10) }]
          : []),
      ],
    }),
  ],
  migrations: async () => ({
    name: 'club',
    migrations: [
      {
        name: '001_noted',
        sql: `create table public.noted (id bigint generated always as identity primary key, subject text, what text);
              alter table public.noted enable row level security;`,
        checksum: 'noted',
      },
    ],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

const system = useSystem(club, { now: '2026-04-01T00:00:00Z' })
const payments = () => system.project.offer(paymentsOffer)
const subscriptions = () => payments().subscriptions
const day = 86_400_000

beforeAll(async () => {
  const prices = (amount: number) => [{ currency: 'THB', amount }]
  const allowances = (credits: number) => ({
    allowances: { credits },
    entitlements: { storage_gb: credits / 100 },
  })
  for (const plan of [
    { id: 'freemium', name: 'Freemium', prices: prices(0), ...allowances(100) },
    { id: 'creator', name: 'Creator', rank: 1, prices: prices(29_900), ...allowances(1_000) },
    { id: 'pro', name: 'Pro', rank: 2, prices: prices(99_900), ...allowances(5_000) },
    { id: 'trial', name: 'Trial', trialDays: 14, prices: prices(10_000), ...allowances(10) },
    { id: 'approved', name: 'Approved', needsApproval: true, prices: prices(25_000) },
  ])
    await subscriptions().definePlan(plan)
})

const rowsOf = async <Row extends object>(text: ReturnType<typeof sql>) =>
  (await system.database.asOwner<Row & Record<string, unknown>>(text)).rows

const noted = async (subject: string) =>
  (
    await rowsOf<{ what: string }>(sql`select what from public.noted where subject = ${subject} order by id`)
  ).map(({ what }) => what)

const entitlement = async (subject: string) =>
  (
    await rowsOf<{ gb: number | null }>(sql`select plinth.entitlement('', ${subject}, 'storage_gb') as gb`)
  )[0]!.gb

let receipts = 0
async function pay(order: string | null) {
  receipts += 1
  const { amount } = await payments().order(order!)
  await payments().enterManual({ order: order!, method: 'cash', reference: `${receipts}`, amount, by: null })
}

const subscribe = (subject: string, plan: string) =>
  subscriptions().subscribe({ subject, plan, currency: 'THB' })
/** The job by itself: whatever else would be due by the clock costs time and says nothing here. */
const tick = () =>
  system.project.jobDefinitions
    .find(({ name }) => name === 'renew-subscriptions')!
    .run({ clock: system.clock, signal: new AbortController().signal } as never, {})
const until = async (date: string) => {
  system.clock.set(`${date}T00:00:00Z`)
  await tick()
}

const codeOf = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'nothing was refused'
}

describe('a subscription', () => {
  it('begins when it is paid, is renewed, becomes overdue, comes back, and expires', async () => {
    const { id, status } = await subscribe('life', 'creator')
    expect([status, await entitlement('life')]).toEqual(['incomplete', null])
    await pay(await subscriptions().dueOrder(id))
    expect(await subscriptions().get(id)).toMatchObject({
      status: 'active',
      periodStart: new Date('2026-04-01T00:00:00Z'),
      periodEnd: new Date('2026-05-01T00:00:00Z'),
    })
    expect(await entitlement('life')).toBe(10)
    await until('2026-04-29')
    await tick()
    await pay(await subscriptions().dueOrder(id))
    await until('2026-05-01')
    expect((await subscriptions().get(id)).periodEnd).toEqual(new Date('2026-06-01T00:00:00Z'))
    await until('2026-06-02')
    expect((await subscriptions().get(id)).status).toBe('past_due')
    expect(await entitlement('life')).toBe(10)
    await pay(await subscriptions().dueOrder(id))
    expect(await subscriptions().get(id)).toMatchObject({
      status: 'active',
      periodEnd: new Date('2026-07-01T00:00:00Z'),
    })
    await until('2026-07-02')
    await until('2026-07-09')
    expect([(await subscriptions().get(id)).status, await entitlement('life')]).toEqual(['expired', null])
    expect(await noted('life')).toEqual([
      'due',
      '1000 credits',
      'active creator',
      'due',
      '1000 credits',
      'due',
      'past_due creator',
      '1000 credits',
      'active creator',
      'due',
      'past_due creator',
      'expired creator',
    ])
    const books = await rowsOf(sql`
      select name, sum(balance)::int as balance from plinth.ledger_accounts where balance <> 0 group by name order by name`)
    expect(books).toEqual([
      { name: 'fees', balance: -80_730 },
      { name: 'provider manual', balance: 89_700 },
      { name: 'tax', balance: -8_970 },
    ])
  })

  it('waits for an operator where the plan asks for it', async () => {
    const { id, status } = await subscribe('approval', 'approved')
    expect([status, await subscriptions().dueOrder(id)]).toEqual(['pending_approval', null])
    const by = '00000000-0000-4000-8000-00000000000a'
    expect((await subscriptions().approve(id, by)).status).toBe('incomplete')
    expect((await subscriptions().approve(id, by)).status).toBe('incomplete')
    await pay(await subscriptions().dueOrder(id))
    expect((await subscriptions().get(id)).status).toBe('active')
  })

  it('has one trial a subject, and what was paid during it begins after it', async () => {
    system.clock.set('2026-08-01T00:00:00Z')
    const { id, status } = await subscribe('trial', 'trial')
    expect(status).toBe('trialing')
    await until('2026-08-13')
    await pay(await subscriptions().dueOrder(id))
    expect((await subscriptions().get(id)).status).toBe('trialing')
    await until('2026-08-15')
    expect(await subscriptions().get(id)).toMatchObject({
      status: 'active',
      periodStart: new Date('2026-08-15T00:00:00Z'),
      periodEnd: new Date('2026-09-15T00:00:00Z'),
    })
    await subscriptions().cancel(id, { immediately: true })
    expect((await subscribe('trial', 'trial')).status).toBe('incomplete')
  })

  it('of a free plan begins at once and goes on by itself, also over a gap', async () => {
    system.clock.set('2026-08-31T00:00:00Z')
    const { id, status } = await subscribe('free', 'freemium')
    expect(status).toBe('active')
    await until('2026-12-01')
    expect((await subscriptions().get(id)).periodEnd).toEqual(new Date('2026-12-31T00:00:00Z'))
    expect((await noted('free')).filter((what) => what === '100 credits')).toHaveLength(4)
  })

  it('ends with its period when it is cancelled, unless it is taken back', async () => {
    system.clock.set('2027-01-01T00:00:00Z')
    const { id } = await subscribe('cancel', 'creator')
    await pay(await subscriptions().dueOrder(id))
    expect(await subscriptions().cancel(id)).toMatchObject({ status: 'active', cancelAtPeriodEnd: true })
    expect((await subscriptions().resume(id)).cancelAtPeriodEnd).toBe(false)
    await subscriptions().cancel(id)
    await until('2027-01-31')
    expect(await subscriptions().dueOrder(id)).toBeNull()
    await until('2027-02-01')
    expect((await subscriptions().get(id)).status).toBe('cancelled')
    expect(await codeOf(subscriptions().resume(id))).toBe('subscription_over')
    expect((await subscriptions().cancel(id)).status).toBe('cancelled')
  })

  it('is one for a subject, of a plan that there is', async () => {
    await subscribe('one', 'freemium')
    expect(await codeOf(subscribe('one', 'creator'))).toBe('subscription_exists')
    expect(await codeOf(subscribe('two', 'gold'))).toBe('plan_unknown')
    expect(await codeOf(subscriptions().subscribe({ subject: 'two', plan: 'pro', currency: 'USD' }))).toBe(
      'plan_unknown',
    )
    expect(await codeOf(subscriptions().get('nobody'))).toBe('subscription_unknown')
    expect(await codeOf(subscriptions().cancel('00000000-0000-4000-8000-000000000000'))).toBe(
      'subscription_unknown',
    )
  })
})

// AT-20
describe('a change of plans', () => {
  async function active(subject: string, plan: string) {
    system.clock.set('2027-04-01T00:00:00Z')
    const { id } = await subscribe(subject, plan)
    await pay(await subscriptions().dueOrder(id))
    return id
  }
  const credits = async (subject: string) =>
    (await noted(subject))
      .filter((what) => what.endsWith('credits'))
      .reduce((sum, what) => sum + Number.parseInt(what, 10), 0)

  it('to a dearer one costs the rest of the period, and begins when that is paid', async () => {
    const id = await active('up', 'creator')
    system.clock.advance(15 * day)
    const { order, subscription } = await subscriptions().change(id, { plan: 'pro' })
    expect(subscription.plan).toBe('creator')
    expect(await payments().order(order!)).toMatchObject({ amount: 35_000 })
    system.clock.advance(day)
    expect((await subscriptions().change(id, { plan: 'pro' })).order).toBe(order)
    await pay(order)
    expect(await subscriptions().get(id)).toMatchObject({
      plan: 'pro',
      periodEnd: new Date('2027-05-01T00:00:00Z'),
    })
    expect(await credits('up')).toBe(5_000)
  })

  it('to a cheaper one comes with the next period, and gives nothing back', async () => {
    const id = await active('down', 'pro')
    expect(await subscriptions().change(id, { plan: 'creator' })).toMatchObject({
      order: null,
      subscription: { plan: 'pro' },
    })
    await until('2027-04-29')
    const due = await subscriptions().dueOrder(id)
    expect(await payments().order(due!)).toMatchObject({ amount: 29_900 })
    await pay(due)
    await until('2027-05-01')
    expect((await subscriptions().get(id)).plan).toBe('creator')
  })

  it('to and fro mints nothing: no credit twice, no money back', async () => {
    const id = await active('flip', 'creator')
    for (let round = 0; round < 3; round += 1) {
      const { order } = await subscriptions().change(id, { plan: 'pro' })
      if (order) await pay(order)
      await subscriptions().change(id, { plan: 'creator' })
    }
    await subscriptions().change(id, { plan: 'pro' })
    expect(await subscriptions().get(id)).toMatchObject({ plan: 'pro', nextPrice: null })
    expect(await credits('flip')).toBe(5_000)
    const paid = await rowsOf(sql`
      select sum(captured)::int as paid, sum(refunded)::int as back from plinth.payment_orders
      where details ->> 'subscription' = ${id}`)
    expect(paid).toEqual([{ paid: 99_900, back: 0 }])
  })

  it('of what is not active is refused', async () => {
    const { id } = await subscribe('unpaid', 'creator')
    expect(await codeOf(subscriptions().change(id, { plan: 'pro' }))).toBe('subscription_over')
  })
})
