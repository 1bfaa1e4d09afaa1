import { sql } from '@plinth/platform/database'
import { paymentsOffer } from '@plinth/platform/payments'
import { beforeAll, expect, it } from 'vitest'
import { useBoxOffice } from './open-box-office.ts'

const office = useBoxOffice()
const subscriptions = () => office.system.project.offer(paymentsOffer).subscriptions
const day = 86_400_000

/** A monthly price at Stripe. */
async function priceAtStripe(amount: number): Promise<string> {
  const answer = await fetch(`${office.stripe.url}/v1/prices`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${office.stripe.secretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: `currency=eur&unit_amount=${amount}&recurring[interval]=month&product_data[name]=Season`,
  })
  return ((await answer.json()) as { id: string }).id
}

beforeAll(async () => {
  for (const [id, amount, seats] of [
    ['stalls', 2_000, 1],
    ['box', 5_000, 4],
  ] as const)
    await subscriptions().definePlan({
      id,
      name: id,
      prices: [{ currency: 'EUR', amount, providerPrices: { stripe: await priceAtStripe(amount) } }],
      entitlements: { seats },
      allowances: { shows: seats * 10 },
    })
})

async function settle() {
  for (let round = 0; round < 2; round += 1) {
    await office.stripe.webhooks.settled()
    await office.system.jobs.runDue()
  }
}

async function pass(days: number) {
  office.system.clock.advance(days * day)
  await office.stripe.advance(0)
  await settle()
}

async function begin(subject: string, plan: string) {
  const { id } = await subscriptions().subscribe({ subject, plan, currency: 'EUR', manager: 'stripe' })
  const page = await subscriptions().checkout(id, {
    successUrl: 'https://example.test/',
    email: 'ada@example.test',
  })
  office.stripe.payCheckout(page.object)
  await settle()
  return id
}

const seats = async (subject: string) =>
  (
    await office.system.database.asOwner<{ seats: number | null }>(
      sql`select plinth.entitlement('', ${subject}, 'seats') as seats`,
    )
  ).rows[0]!.seats

const taken = async (): Promise<number> => {
  const { rows } = await office.system.database.asOwner<{ taken: string }>(sql`
    select coalesce(-sum(balance), 0) as taken from plinth.ledger_accounts where name = 'subscriptions'`)
  return Number(rows[0]!.taken)
}

it('a season that Stripe renews: paid, renewed, changed with proration, cancelled with its period', async () => {
  const id = await begin('ada', 'stalls')
  expect(await subscriptions().get(id)).toMatchObject({ status: 'active', plan: 'stalls' })
  expect([await seats('ada'), await taken()]).toEqual([1, 2_000])

  await pass(32)
  expect((await subscriptions().get(id)).periodStart).toEqual(new Date('2026-02-15T12:00:00Z'))
  expect(await taken()).toBe(4_000)

  await subscriptions().change(id, { plan: 'box' })
  await settle()
  expect([(await subscriptions().get(id)).plan, await seats('ada')]).toEqual(['box', 4])
  expect(await taken()).toBeGreaterThan(4_000)

  expect(await subscriptions().cancel(id)).toMatchObject({ status: 'active', cancelAtPeriodEnd: true })
  expect((await subscriptions().resume(id)).cancelAtPeriodEnd).toBe(false)
  await subscriptions().cancel(id)
  await pass(31)
  expect([(await subscriptions().get(id)).status, await seats('ada')]).toEqual(['cancelled', null])
})

it('events of a subscription that come shuffled, twice and late end in what Stripe says', async () => {
  office.stripe.webhooks.setRules({ hold: true })
  const { id } = await subscriptions().subscribe({
    subject: 'bob',
    plan: 'stalls',
    currency: 'EUR',
    manager: 'stripe',
  })
  const page = await subscriptions().checkout(id, { successUrl: 'https://example.test/' })
  office.stripe.payCheckout(page.object)
  await office.stripe.webhooks.release({ times: 2, order: 'shuffled' })
  office.stripe.webhooks.setRules({})
  await settle()
  expect(await subscriptions().get(id)).toMatchObject({
    status: 'active',
    object: expect.stringMatching(/^sub_/),
  })
  expect(await subscriptions().portal(id, 'https://example.test/')).toMatch(/^http/)
})
