import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { type StripeSimulator, startStripe } from '@plinth/simulators'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import { afterAll, beforeAll } from 'vitest'
import { tickets } from '../system.ts'

export interface BoxOffice {
  readonly system: OpenTestSystem
  readonly stripe: StripeSimulator
  /** Of the shop's functions: `http://127.0.0.1:…/tickets/functions/v1`. */
  readonly url: string
}

const secret = 'whsec_of_the_box_office'

/** The ticket shop on a port, and a Stripe account that reports to it. Filled before the first test runs. */
export function useBoxOffice(): BoxOffice {
  let made: (BoxOffice & { close(): Promise<void> }) | undefined
  beforeAll(async () => {
    made = await openBoxOffice()
  })
  afterAll(() => made?.close())
  const present = () => {
    if (!made) throw new Error('The box office is open only while tests of the file run.')
    return made
  }
  return {
    get system() {
      return present().system
    },
    get stripe() {
      return present().stripe
    },
    get url() {
      return present().url
    },
  }
}

async function openBoxOffice() {
  let system: OpenTestSystem | undefined
  const server = serve({
    fetch: (request, env) => system!.fetch(request, env),
    port: 0,
    hostname: '127.0.0.1',
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tickets`
  const clock = { now: () => system?.clock.now() ?? new Date('2026-01-15T12:00:00Z') }
  const stripe = await startStripe({
    clock,
    webhooks: [{ url: `${address}/payments/webhooks/stripe`, secret }],
  })
  system = await openTestSystem(tickets, {
    environment: {
      PLINTH_TICKETS_PAYMENTS_STRIPE_SECRET_KEY: stripe.secretKey,
      PLINTH_TICKETS_PAYMENTS_STRIPE_WEBHOOK_SECRET: secret,
      PLINTH_TICKETS_PAYMENTS_STRIPE_BASE_URL: stripe.url,
    },
  })
  return {
    system,
    stripe,
    url: `${address}/functions/v1`,
    close: async () => {
      await stripe.stop()
      await new Promise((resolve) => server.close(resolve))
      await system?.close()
    },
  }
}
