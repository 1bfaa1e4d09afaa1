import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { type StripeSimulator, startStripe } from '@plinth/simulators'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import { afterAll, beforeAll } from 'vitest'
import { base } from '../routes/api.ts'
import { eyemotion } from '../system.ts'

const secret = 'whsec_of_the_studio'
const prices = { creator: 29_900, pro: 99_900, studio: 299_900 }

export interface Till {
  readonly system: OpenTestSystem
  readonly stripe: StripeSimulator
  /** Everything that Stripe has to tell has arrived, and what follows from it is done. */
  settle(): Promise<void>
  /** Time passes for everybody. */
  pass(days: number): Promise<void>
}

/** eyemotion with a Stripe account that reports to it. Filled before the first test runs. */
export function useTill(): { readonly till: () => Till } {
  let made: (Till & { close(): Promise<void> }) | undefined
  beforeAll(async () => {
    made = await openTill()
  })
  afterAll(() => made?.close())
  return { till: () => made! }
}

async function openTill() {
  let system: OpenTestSystem | undefined
  const server = serve({
    fetch: (request, env) => system!.fetch(request, env),
    port: 0,
    hostname: '127.0.0.1',
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const now = new Date().toISOString()
  const stripe = await startStripe({
    clock: { now: () => system?.clock.now() ?? new Date(now) },
    webhooks: [{ url: `http://127.0.0.1:${port}/eyemotion${base}/payments/webhook`, secret }],
  })
  // Postings are dated by the database, so the fake clock begins with the real one.
  system = await openTestSystem(eyemotion, {
    now,
    environment: {
      PLINTH_EYEMOTION_PAYMENTS_STRIPE_SECRET_KEY: stripe.secretKey,
      PLINTH_EYEMOTION_PAYMENTS_STRIPE_WEBHOOK_SECRET: secret,
      PLINTH_EYEMOTION_PAYMENTS_STRIPE_BASE_URL: stripe.url,
      PLINTH_EYEMOTION_AUTH_JWT_EXP: '604800',
    },
  })
  const open = system
  await open.request(`${base}/init/plans`, {
    method: 'POST',
    as: 'service',
    body: { prices: await makePrices(stripe) },
  })
  const settle = async () => {
    for (let round = 0; round < 2; round += 1) {
      await stripe.webhooks.settled()
      await open.jobs.runDue()
    }
  }
  return {
    system: open,
    stripe,
    settle,
    pass: async (days: number) => {
      open.clock.advance(days * 86_400_000)
      await stripe.advance(0)
      await settle()
    },
    close: async () => {
      await stripe.stop()
      await new Promise((resolve) => server.close(resolve))
      await open.close()
    },
  }
}

/** Prices as an operator makes them at Stripe; gives their ids. */
async function makePrices(stripe: StripeSimulator): Promise<Record<string, string>> {
  const made = Object.entries(prices).map(async ([plan, amount]) => {
    const answer = await fetch(`${stripe.url}/v1/prices`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${stripe.secretKey}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: `currency=thb&unit_amount=${amount}&recurring[interval]=month&product_data[name]=${plan}`,
    })
    return [plan, ((await answer.json()) as { id: string }).id]
  })
  return Object.fromEntries(await Promise.all(made))
}
