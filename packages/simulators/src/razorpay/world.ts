import type { Simulation } from '../core/simulation.ts'
import type { Table } from '../core/tables.ts'
import type {
  Customer,
  Dispute,
  Notes,
  Order,
  Payment,
  PaymentLink,
  Plan,
  RazorpayEvent,
  ReconItem,
  Refund,
  Settlement,
  Subscription,
  Webhook,
} from './entities.ts'
import { unknownId } from './failure.ts'

/** What the account is set to. */
export interface RazorpayAccount {
  readonly id: string
  readonly name: string
  /** Percent of a payment. Default 2. */
  readonly feePercent: number
  /** Percent of the fee: GST. Default 18. */
  readonly taxPercent: number
  /** Minutes after the order within which an authorised payment is captured by itself. Default 7,200 (five days). */
  readonly automaticExpiry: number
  /** Minutes after which an authorised payment that nobody captured is given back. Default 4,320 (three days). */
  readonly manualExpiry: number
  /** Seconds after a failure at which a payment whose bank was late is authorised. Default 600. */
  readonly lateAfter: number
  /** Seconds until a refund is processed. Default 0: at once, as in test mode. */
  readonly refundAfter: number
  /** Days until a payment is settled. Default 2. */
  readonly settleAfterDays: number
}

/** How an order wants its payments captured, which the order does not show. */
export interface CaptureRule {
  /** Of the order. */
  readonly id: string
  readonly automatic: boolean
  readonly automaticExpiry: number
  readonly manualExpiry: number
}

/** What pays a subscription by itself. */
interface Mandate {
  /** Of the subscription. */
  readonly id: string
  readonly paying: 'succeeds' | 'fails'
  /** Charges that failed one after another. */
  readonly failures: number
}

/** One Razorpay account: its entities, its clock, and what it tells of. */
export interface RazorpayWorld {
  readonly simulation: Simulation
  readonly account: RazorpayAccount
  readonly keySecret: string
  readonly orders: Table<Order>
  readonly rules: Table<CaptureRule>
  readonly payments: Table<Payment>
  readonly refunds: Table<Refund>
  readonly customers: Table<Customer>
  readonly plans: Table<Plan>
  readonly subscriptions: Table<Subscription>
  readonly mandates: Table<Mandate>
  readonly settlements: Table<Settlement>
  readonly recon: Table<ReconItem>
  readonly disputes: Table<Dispute>
  readonly links: Table<PaymentLink>
  readonly webhooks: Table<Webhook>
  readonly events: Table<RazorpayEvent>
  url(): string
  id(prefix: string): string
  seconds(): number
  /** Tells of entities, by their names: `{ payment, order }`. */
  emit(type: string, entities: Readonly<Record<string, object>>): void
  plan(task: string, subject: string, at: number): void
}

export function createRazorpayWorld(
  simulation: Simulation,
  { account, keySecret, url }: Pick<RazorpayWorld, 'account' | 'keySecret' | 'url'>,
): RazorpayWorld {
  const { table, seeded, time, timers } = simulation
  const world: RazorpayWorld = {
    simulation,
    account,
    keySecret,
    orders: table('orders'),
    rules: table('capture_rules'),
    payments: table('payments'),
    refunds: table('refunds'),
    customers: table('customers'),
    plans: table('plans'),
    subscriptions: table('subscriptions'),
    mandates: table('mandates'),
    settlements: table('settlements'),
    recon: table('recon'),
    disputes: table('disputes'),
    links: table('payment_links'),
    webhooks: table('webhooks'),
    events: table('events'),
    url,
    id: (prefix) => `${prefix}_${seeded.text(14)}`,
    seconds: time.seconds,
    emit: (type, entities) => {
      const named = Object.entries(entities)
      const event: RazorpayEvent = {
        id: seeded.text(14),
        type,
        body: {
          entity: 'event',
          account_id: account.id,
          event: type,
          contains: Object.keys(entities),
          payload: Object.fromEntries(
            named.map(([name, entity]) => [name, { entity: structuredClone(entity) }]),
          ),
          created_at: time.seconds(),
        },
      }
      world.events.put(event)
      simulation.outbox.add({ id: event.id, type, body: JSON.stringify(event.body) })
    },
    plan: (task, subject, at) => timers.plan({ task, subject, at: at * 1000, clock: null }),
  }
  return world
}

export function need<T extends { id: string }>(table: Table<T>, id: string | undefined): T {
  const found = table.get(id ?? '')
  if (!found) throw unknownId()
  return found
}

export const notesOf = (given: Record<string, string> | undefined): Notes =>
  given && Object.keys(given).length > 0 ? given : []
