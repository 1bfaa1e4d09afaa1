import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { createAdmin, type Play, type Played, playScenario } from '../core/admin.ts'
import { listen } from '../core/listen.ts'
import { openSimulation, type Simulation, type SimulationOptions } from '../core/simulation.ts'
import type { Timer } from '../core/timers.ts'
import { catalogRoutes } from './catalog.ts'
import { chargeRoutes } from './charges.ts'
import { expireSession, followPayments, type Payer, paySession, planTable } from './checkout.ts'
import { checkoutRoutes } from './checkout-routes.ts'
import { customerRoutes } from './customers.ts'
import { closeDispute, disputeCharge, disputeRoutes } from './disputes.ts'
import { intentRoutes } from './intent-routes.ts'
import { cancelIntent } from './intents.ts'
import { invoiceRoutes } from './invoice-routes.ts'
import { followIntents } from './invoices.ts'
import { createPages } from './pages.ts'
import { paymentMethodRoutes } from './payment-methods.ts'
import { portalRoutes } from './portal.ts'
import { refundRoutes, settleRefund } from './refunds.ts'
import { stripeScenarios } from './scenarios.ts'
import { serveApi } from './serve-api.ts'
import { setupRoutes } from './setup-intents.ts'
import { subscriptionRoutes } from './subscription-routes.ts'
import { advanceInvoice, endSubscription, expireIncomplete, followInvoices, renew } from './subscriptions.ts'
import { advanceClock, testClockRoutes } from './test-clocks.ts'
import type { Dispute, StripeEvent } from './types.ts'
import { makeEndpoint, stripeProtocol, webhookRoutes } from './webhooks.ts'
import { type AccountSettings, apiVersion, createWorld, findById, need, type StripeWorld } from './world.ts'

export interface StripeSimulatorOptions extends SimulationOptions {
  /** TCP port on loopback; 0 takes any free one. Default 0. */
  readonly port?: number | undefined
  /** The key that calls have to carry. Default `sk_test_simulator`. */
  readonly secretKey?: string | undefined
  /** Endpoints to tell of events, beside those that calls add. The secret is `whsec_…`, of one's own choice. */
  readonly webhooks?: readonly {
    readonly url: string
    readonly secret: string
    readonly events?: readonly string[]
  }[]
  readonly account?: Partial<AccountSettings>
}

/** A Stripe account on this machine. */
export interface StripeSimulator {
  /** Address of the API and of the hosted pages, without a trailing slash. */
  readonly url: string
  readonly secretKey: string
  /** What `new Stripe(secretKey, …)` takes to talk to it. */
  readonly sdkOptions: { readonly host: string; readonly port: number; readonly protocol: 'http' }
  readonly simulation: Simulation
  readonly faults: Simulation['faults']
  readonly webhooks: Simulation['outbox']
  /** Tells an address of events from now on; another secret takes the place of the one it had. */
  tell(url: string, secret: string, events?: readonly string[]): void
  /** Everything that happened, oldest first. */
  events(): readonly StripeEvent[]
  /** Names of whole stories that {@link play} knows. */
  readonly scenarios: readonly string[]
  /** Plays a story and sends its events. Fails when there is none of that name. */
  play(scenario: string, how?: Play): Promise<Played>
  /** Moves the account's clock ahead by milliseconds; what comes due happens, and its webhooks are sent. */
  advance(milliseconds: number): Promise<void>
  /** Pays at the page of a Checkout Session, as a person with a test card would. Default: 4242 4242 4242 4242. */
  payCheckout(session: string, payer?: Partial<Payer>): ReturnType<typeof paySession>
  /** The owner of a card takes a payment back. */
  dispute(charge: string, reason?: string): Dispute
  closeDispute(dispute: string, outcome: 'won' | 'lost'): Dispute
  stop(): Promise<void>
}

const defaultAccount: AccountSettings = {
  id: 'acct_1Simulator',
  name: 'Simulator',
  country: 'US',
  feePercent: 2.9,
  feeFixed: 30,
  disputeFee: 1500,
  retryDays: [3, 5, 7],
  afterRetries: 'canceled',
}

/** Starts a Stripe account that the official SDKs talk to unchanged. */
export async function startStripe(options: StripeSimulatorOptions = {}): Promise<StripeSimulator> {
  const secretKey = options.secretKey ?? 'sk_test_simulator'
  const account = { ...defaultAccount, ...options.account }
  let url = ''
  let world: StripeWorld | undefined
  const simulation = openSimulation(options, () => ({
    run: (timer) => runTimer(world!, timer),
    protocol: stripeProtocol(() => world!),
  }))
  const opened = createWorld(simulation, account, {
    url: () => url,
    subscribers: (type) => stripeProtocol(() => opened).endpointsFor(type).length,
  })
  world = opened
  followIntents(opened)
  followInvoices(opened)
  followPayments(opened)
  const tell: StripeSimulator['tell'] = (to, secret, events) => {
    const known = opened.webhook_endpoints.all().find((endpoint) => endpoint.url === to)
    if (known) opened.webhook_endpoints.delete(known.id)
    makeEndpoint(opened, { url: to, secret, ...(events ? { enabled_events: events } : {}) })
    simulation.changed()
  }
  for (const webhook of options.webhooks ?? []) tell(webhook.url, webhook.secret, webhook.events)

  const scenarios = stripeScenarios(opened, (clock, seconds) => {
    const found = need(opened.test_clocks, 'billing test clock', clock)
    advanceClock(opened, found, found.frozen_time + seconds, (timer) => runTimer(opened, timer))
  })
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.route('/_simulator', createAdmin(simulation, scenarios))
  app.route('/', createPages(opened))
  serveApi(app, {
    simulation,
    routes: routesOf(opened),
    expansion: {
      find: (id) => findById(opened, id),
      included: (object, name) => included(opened, object, name),
    },
    secretKey,
    apiVersion,
    newRequestId: () => `req_${simulation.seeded.text(14)}`,
    during: opened.during,
  })
  const listening = await listen(app, options.port ?? 0)
  url = listening.url
  const port = Number(new URL(url).port)
  return {
    url,
    secretKey,
    sdkOptions: { host: '127.0.0.1', port, protocol: 'http' },
    simulation,
    faults: simulation.faults,
    webhooks: simulation.outbox,
    tell,
    events: () => opened.events.all(),
    scenarios: Object.keys(scenarios),
    play: (name, how) => playScenario(simulation, scenarios, name, how),
    advance: simulation.advance,
    payCheckout: (id, payer) => {
      const paid = paySession(opened, need(opened.sessions, 'checkout.session', id), {
        number: '4242424242424242',
        ...payer,
      })
      simulation.changed()
      return paid
    },
    dispute: (id, reason) => disputeCharge(opened, need(opened.charges, 'charge', id), reason),
    closeDispute: (id, outcome) => closeDispute(opened, need(opened.disputes, 'dispute', id), outcome),
    stop: async () => {
      await listening.stop()
      await simulation.stop()
    },
  }
}

const routesOf = (world: StripeWorld) => [
  ...catalogRoutes(world),
  ...customerRoutes(world),
  ...paymentMethodRoutes(world),
  ...intentRoutes(world),
  ...setupRoutes(world),
  ...chargeRoutes(world),
  ...refundRoutes(world),
  ...disputeRoutes(world),
  ...checkoutRoutes(world),
  ...subscriptionRoutes(world),
  ...invoiceRoutes(world),
  ...portalRoutes(world),
  ...testClockRoutes(world, (timer) => runTimer(world, timer)),
  ...webhookRoutes(world),
]

/** Does what a timer asks for; what it was for may be gone. */
function runTimer(world: StripeWorld, { task, subject }: Timer): void {
  const { subscriptions, invoices, payment_intents, sessions, refunds, charges, disputes } = world
  const tasks: Readonly<Record<string, () => unknown>> = {
    renew: () => withOne(subscriptions.get(subject), (found) => renew(world, found)),
    'trial-will-end': () =>
      withOne(subscriptions.get(subject), (found) =>
        world.emit('customer.subscription.trial_will_end', found),
      ),
    'cancel-at': () =>
      withOne(subscriptions.get(subject), (found) => endSubscription(world, found, 'cancellation_requested')),
    'expire-incomplete': () => withOne(subscriptions.get(subject), (found) => expireIncomplete(world, found)),
    'finalize-invoice': () => withOne(invoices.get(subject), (found) => advanceInvoice(world, found)),
    'retry-invoice': () => withOne(invoices.get(subject), (found) => advanceInvoice(world, found)),
    'expire-authorization': () =>
      withOne(
        payment_intents.get(subject),
        (found) => found.status === 'requires_capture' && cancelIntent(world, found, 'automatic'),
      ),
    'expire-session': () =>
      withOne(sessions.get(subject), (found) => found.status === 'open' && expireSession(world, found)),
    'settle-refund': () => withOne(refunds.get(subject), (found) => settleRefund(world, found)),
    dispute: () => withOne(charges.get(subject), (found) => !found.disputed && disputeCharge(world, found)),
    'dispute-due': () =>
      withOne(
        disputes.get(subject),
        (found) => found.status === 'needs_response' && closeDispute(world, found, 'lost'),
      ),
  }
  tasks[task]?.()
}

const withOne = <T>(found: T | undefined, work: (found: T) => unknown): void => {
  if (found !== undefined) work(found)
}

/** What an object has only when it is asked for. */
function included(world: StripeWorld, object: object, name: string): unknown {
  const { object: kind, id } = object as { object?: string; id?: string }
  const page = (data: readonly object[], url: string) => ({ object: 'list', data, has_more: false, url })
  if (kind === 'checkout.session' && name === 'line_items')
    return page(planTable(world).get(id!)?.lines ?? [], `/v1/checkout/sessions/${id}/line_items`)
  if (kind === 'charge' && name === 'refunds')
    return page(
      world.refunds.all().filter(({ charge }) => charge === id),
      `/v1/charges/${id}/refunds`,
    )
  if (kind === 'customer' && name === 'subscriptions')
    return page(
      world.subscriptions.all().filter(({ customer, status }) => customer === id && status !== 'canceled'),
      `/v1/customers/${id}/subscriptions`,
    )
  if (kind === 'invoice' && name === 'payments')
    return page(
      world.invoice_payments.all().filter(({ invoice }) => invoice === id),
      `/v1/invoices/${id}/payments`,
    )
  return undefined
}
