import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { createAdmin, type Play, type Played, playScenario } from '../core/admin.ts'
import { listen } from '../core/listen.ts'
import { openSimulation, type Simulation, type SimulationOptions } from '../core/simulation.ts'
import type { Timer } from '../core/timers.ts'
import { razorpayRoutes } from './api.ts'
import { attemptCheckout, type CheckoutAttempt, type CheckoutOutcome, createCheckout } from './checkout.ts'
import { decideDispute, disputePayment } from './disputes.ts'
import type { Dispute, RazorpayEvent, Refund } from './entities.ts'
import { endLink } from './links.ts'
import { authorizeLate, giveBack } from './payments.ts'
import { failRefund, processRefund } from './refunds.ts'
import { razorpayScenarios } from './scenarios.ts'
import { serveRazorpayApi } from './serve-api.ts'
import { settle } from './settlements.ts'
import { chargeSubscription, endCycle, expireSubscription } from './subscriptions.ts'
import { makeWebhook, razorpayProtocol } from './webhooks.ts'
import { createRazorpayWorld, need, type RazorpayAccount, type RazorpayWorld } from './world.ts'

export interface RazorpaySimulatorOptions extends SimulationOptions {
  /** TCP port on loopback; 0 takes any free one. Default 0. */
  readonly port?: number | undefined
  /** Default `rzp_test_simulator`. */
  readonly keyId?: string | undefined
  /** Default `simulator_secret`. */
  readonly keySecret?: string | undefined
  /** Endpoints to tell of events. */
  readonly webhooks?: readonly {
    readonly url: string
    readonly secret: string
    readonly events?: readonly string[]
  }[]
  readonly account?: Partial<RazorpayAccount>
}

/** A Razorpay account on this machine. */
export interface RazorpaySimulator {
  /** Address of the API, of `/v1/checkout.js` and of the hosted pages, without a trailing slash. */
  readonly url: string
  readonly keyId: string
  readonly keySecret: string
  readonly simulation: Simulation
  readonly faults: Simulation['faults']
  readonly webhooks: Simulation['outbox']
  /** Tells an address of events from now on; another secret takes the place of the one it had. */
  tell(url: string, secret: string, events?: readonly string[]): void
  /** Everything that happened, oldest first. */
  events(): readonly RazorpayEvent[]
  /** Names of whole stories that {@link play} knows. */
  readonly scenarios: readonly string[]
  /** Plays a story and sends its events. Fails when there is none of that name. */
  play(scenario: string, how?: Play): Promise<Played>
  /** Moves the account's clock ahead by milliseconds; what comes due happens, and its webhooks are sent. */
  advance(milliseconds: number): Promise<void>
  /** Pays at the checkout of a page. */
  pay(attempt: Omit<CheckoutAttempt, 'key'>): CheckoutOutcome
  /** From now on the card of a subscription pays, or does not. */
  setMandate(subscription: string, paying: 'succeeds' | 'fails'): void
  failRefund(refund: string): Refund
  dispute(payment: string, reason?: string): Dispute
  closeDispute(dispute: string, outcome: 'won' | 'lost'): Dispute
  stop(): Promise<void>
}

const defaultAccount: RazorpayAccount = {
  id: 'acc_Simulator00001',
  name: 'Simulator',
  feePercent: 2,
  taxPercent: 18,
  automaticExpiry: 7200,
  manualExpiry: 4320,
  lateAfter: 600,
  refundAfter: 0,
  settleAfterDays: 2,
}

/** Starts a Razorpay account that the official SDKs talk to; their base address is set to `url`. */
export async function startRazorpay(options: RazorpaySimulatorOptions = {}): Promise<RazorpaySimulator> {
  const keyId = options.keyId ?? 'rzp_test_simulator'
  const keySecret = options.keySecret ?? 'simulator_secret'
  let url = ''
  let opened: RazorpayWorld | undefined
  const simulation = openSimulation(options, () => ({
    run: (timer) => runTimer(opened!, timer),
    protocol: razorpayProtocol(() => opened!),
  }))
  const world = createRazorpayWorld(simulation, {
    account: { ...defaultAccount, ...options.account },
    keySecret,
    url: () => url,
  })
  opened = world
  const tell: RazorpaySimulator['tell'] = (to, secret, events) => {
    const known = world.webhooks.all().find((webhook) => webhook.url === to)
    if (known) world.webhooks.delete(known.id)
    makeWebhook(world, { url: to, secret, events })
    simulation.changed()
  }
  for (const webhook of options.webhooks ?? []) tell(webhook.url, webhook.secret, webhook.events)

  const scenarios = razorpayScenarios(world)
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.route('/_simulator', createAdmin(simulation, scenarios))
  app.route('/', createCheckout(world, keyId))
  serveRazorpayApi(app, { world, routes: razorpayRoutes(world), keyId })
  const listening = await listen(app, options.port ?? 0)
  url = listening.url
  const noted = <T>(result: T): T => {
    simulation.changed()
    return result
  }
  return {
    url,
    keyId,
    keySecret,
    simulation,
    faults: simulation.faults,
    webhooks: simulation.outbox,
    tell,
    events: () => world.events.all(),
    scenarios: Object.keys(scenarios),
    play: (name, how) => playScenario(simulation, scenarios, name, how),
    advance: simulation.advance,
    pay: (attempt) => noted(attemptCheckout(world, keyId, { ...attempt, key: keyId })),
    setMandate: (id, paying) =>
      void world.mandates.put({ id: need(world.subscriptions, id).id, paying, failures: 0 }),
    failRefund: (id) => noted(failRefund(world, need(world.refunds, id))),
    dispute: (id, reason) => noted(disputePayment(world, need(world.payments, id), reason)),
    closeDispute: (id, outcome) => noted(decideDispute(world, need(world.disputes, id), outcome)),
    stop: async () => {
      await listening.stop()
      await simulation.stop()
    },
  }
}

/** Does what a timer asks for. */
function runTimer(world: RazorpayWorld, { task, subject }: Timer): void {
  const tasks: Readonly<Record<string, () => unknown>> = {
    'authorize-late': () => authorizeLate(world, need(world.payments, subject)),
    'give-back': () => giveBack(world, subject),
    'process-refund': () => processRefund(world, need(world.refunds, subject)),
    'charge-subscription': () => chargeSubscription(world, need(world.subscriptions, subject)),
    'cancel-subscription': () => endCycle(world, need(world.subscriptions, subject)),
    'expire-subscription': () => expireSubscription(need(world.subscriptions, subject)),
    'expire-link': () => {
      const link = need(world.links, subject)
      if (link.status === 'created') endLink(world, link, 'expired')
    },
    settle: () => settle(world),
  }
  tasks[task]?.()
}
