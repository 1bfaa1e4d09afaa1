import type { Simulation } from '../core/simulation.ts'
import type { Table } from '../core/tables.ts'
import { missing } from './failure.ts'
import type { MetadataPatch } from './params.ts'
import type { CurrentRequest } from './serve-api.ts'
import type {
  BalanceTransaction,
  Charge,
  CheckoutSession,
  Coupon,
  Customer,
  CustomerBalanceTransaction,
  Discount,
  Dispute,
  EventType,
  Invoice,
  InvoiceItem,
  InvoicePayment,
  PaymentIntent,
  PaymentMethod,
  PortalConfiguration,
  PortalSession,
  Price,
  Product,
  PromotionCode,
  Refund,
  SetupIntent,
  StripeEvent,
  Subscription,
  TestClock,
  WebhookEndpoint,
} from './types.ts'

/** The API version whose objects the simulator speaks: that of the SDK it was written with. */
export const apiVersion = '2026-10-28.endive'

/** Prefixes of ids, by table. */
const prefixes = {
  balance_transactions: 'txn',
  charges: 'ch',
  coupons: '',
  customers: 'cus',
  customer_balance_transactions: 'cbtxn',
  discounts: 'di',
  disputes: 'du',
  events: 'evt',
  invoices: 'in',
  invoice_items: 'ii',
  invoice_payments: 'inpay',
  payment_intents: 'pi',
  payment_methods: 'pm',
  portal_configurations: 'bpc',
  portal_sessions: 'bps',
  prices: 'price',
  products: 'prod',
  promotion_codes: 'promo',
  refunds: 're',
  sessions: 'cs_test',
  setup_intents: 'seti',
  subscriptions: 'sub',
  test_clocks: 'clock',
  webhook_endpoints: 'we',
} as const

export interface StripeTables {
  readonly balance_transactions: Table<BalanceTransaction>
  readonly charges: Table<Charge>
  readonly coupons: Table<Coupon>
  readonly customers: Table<Customer>
  readonly customer_balance_transactions: Table<CustomerBalanceTransaction>
  readonly discounts: Table<Discount>
  readonly disputes: Table<Dispute>
  readonly events: Table<StripeEvent>
  readonly invoices: Table<Invoice>
  readonly invoice_items: Table<InvoiceItem>
  readonly invoice_payments: Table<InvoicePayment>
  readonly payment_intents: Table<PaymentIntent>
  readonly payment_methods: Table<PaymentMethod>
  readonly portal_configurations: Table<PortalConfiguration>
  readonly portal_sessions: Table<PortalSession>
  readonly prices: Table<Price>
  readonly products: Table<Product>
  readonly promotion_codes: Table<PromotionCode>
  readonly refunds: Table<Refund>
  readonly sessions: Table<CheckoutSession>
  readonly setup_intents: Table<SetupIntent>
  readonly subscriptions: Table<Subscription>
  readonly test_clocks: Table<TestClock>
  readonly webhook_endpoints: Table<WebhookEndpoint>
}

/** What the account is set to. */
export interface AccountSettings {
  readonly id: string
  readonly name: string
  readonly country: string
  /** Fees of a card payment: percent, and an amount in minor units. Defaults: 2.9 and 30. */
  readonly feePercent: number
  readonly feeFixed: number
  /** Fee of a dispute in minor units. Default 1500. */
  readonly disputeFee: number
  /** Days after a failed payment of an invoice on which it is tried again, and what becomes of the subscription then. */
  readonly retryDays: readonly number[]
  readonly afterRetries: 'canceled' | 'unpaid' | 'past_due'
}

/** One Stripe account: its objects, its clock, and what it tells of. */
export interface StripeWorld extends StripeTables {
  readonly simulation: Simulation
  readonly account: AccountSettings
  /** Address of the hosted pages, without a trailing slash. */
  url(): string
  /** A new id with a prefix. */
  id(prefix: string): string
  /** The present in seconds: of the test clock whose customer is being worked on, else the simulator's. */
  seconds(): number
  /** Records an event, sends it to the endpoints that want it, and tells the parts of the simulator that listen. */
  emit(type: EventType, object: { id: string }, previous?: object): StripeEvent
  listen(type: EventType, listener: (object: never) => void): void
  during<T>(request: CurrentRequest, work: () => T): T
  /** Runs work at the present of a customer: that of its test clock. */
  inTimeOf<T>(customer: string | null | undefined, work: () => T): T
  /** The test clock of a customer, by which its timers run. */
  clockOf(customer: string | null | undefined): string | null
  /** Plans a task at an instant in seconds, by the clock of a customer. */
  plan(task: string, subject: string, at: number, customer: string | null | undefined): void
  secrets: Table<CardSecret>
}

/** What a payment method knows and does not tell: the number that decides what the card does. */
export interface CardSecret {
  /** Of the payment method. */
  readonly id: string
  readonly number: string
  /** It was authenticated for later use. */
  readonly setUp: boolean
}

export function createWorld(
  simulation: Simulation,
  account: AccountSettings,
  options: { url(): string; subscribers(type: string): number },
): StripeWorld {
  const names = Object.keys(prefixes) as (keyof StripeTables)[]
  const tables = Object.fromEntries(
    names.map((name) => [name, simulation.table(name)]),
  ) as unknown as StripeTables
  const listeners = new Map<string, ((object: never) => void)[]>()
  let request: CurrentRequest | undefined
  const world: StripeWorld = {
    ...tables,
    secrets: simulation.table('secrets'),
    simulation,
    account,
    url: options.url,
    id: (prefix) =>
      `${prefix}_${prefix === 'cus' || prefix === 'prod' ? simulation.seeded.text(14) : `1${simulation.seeded.text(23)}`}`,
    seconds: simulation.time.seconds,
    emit: (type, object, previous) => {
      const event: StripeEvent = {
        id: world.id('evt'),
        object: 'event',
        api_version: apiVersion,
        created: world.seconds(),
        data: {
          object: structuredClone(object),
          ...(previous ? { previous_attributes: structuredClone(previous) } : {}),
        },
        livemode: false,
        pending_webhooks: options.subscribers(type),
        request: { id: request?.id ?? null, idempotency_key: request?.idempotency_key ?? null },
        type,
      }
      world.events.put(event)
      simulation.outbox.add({ id: event.id, type, body: JSON.stringify(event, null, 2) })
      for (const listener of listeners.get(type) ?? []) listener(object as never)
      return event
    },
    listen: (type, listener) => void listeners.set(type, [...(listeners.get(type) ?? []), listener]),
    during: (current, work) => {
      request = current
      try {
        return work()
      } finally {
        request = undefined
      }
    },
    clockOf: (customer) => (customer && world.customers.get(customer)?.test_clock) || null,
    inTimeOf: (customer, work) => {
      const clock = world.test_clocks.get(world.clockOf(customer) ?? '')
      // While a clock advances, its timers have set their own instant.
      if (!clock || clock.status === 'advancing') return work()
      return simulation.time.onTestClock(clock.frozen_time * 1000, work)
    },
    plan: (task, subject, at, customer) =>
      simulation.timers.plan({ task, subject, at: at * 1000, clock: world.clockOf(customer) }),
  }
  return world
}

/** The object of an id, or Stripe's error that there is none. */
export function need<T extends { id: string }>(table: Table<T>, kind: string, id: string, param = 'id'): T {
  const found = table.get(id)
  if (!found) throw missing(kind, id, param)
  return found
}

type Patched = { metadata?: Record<string, string> | null }

/** Metadata after a change: names with an empty value go. */
export function patchMetadata(object: Patched, patch: MetadataPatch | undefined): Record<string, string> {
  if (patch === undefined) return object.metadata ?? {}
  if (patch === null) return {}
  const merged = { ...object.metadata, ...patch }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''))
}

/** Changes fields of an object in place; gives what they were before, as `previous_attributes` says it. */
export function change<T extends object>(object: T, changes: Partial<T>): Partial<T> {
  const previous: Partial<T> = {}
  for (const [name, value] of Object.entries(changes) as [keyof T, T[keyof T]][]) {
    if (value === undefined || JSON.stringify(object[name]) === JSON.stringify(value)) continue
    previous[name] = structuredClone(object[name])
    object[name] = value
  }
  return previous
}

/** The table that an id belongs to, told by its prefix. */
export function findById(world: StripeTables, id: string): object | undefined {
  const prefix = /^(cs_test|[a-z]+)_/.exec(id)?.[1]
  const name = (Object.keys(prefixes) as (keyof StripeTables)[]).find((each) => prefixes[each] === prefix)
  return (
    (name && world[name].get(id)) ?? world.coupons.get(id) ?? world.products.get(id) ?? world.prices.get(id)
  )
}
