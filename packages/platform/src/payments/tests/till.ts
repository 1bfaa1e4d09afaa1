import { createHmac } from 'node:crypto'
import { sql, type Transaction } from '../../database/index.ts'
import { defineSystem } from '../../system/index.ts'
import { type PaymentHooks, payments } from '../index.ts'

const schema = `
  create table public.seats (reference text primary key, status text not null default 'open', paid int not null default 0);
  alter table public.seats enable row level security;
  create table public.happened (id bigint generated always as identity primary key, reference text, name text, object text);
  alter table public.happened enable row level security;`

const note =
  (name: string) =>
  async (
    { order, object = '' }: { readonly order: { readonly reference: string }; readonly object?: string },
    { query }: Transaction,
  ) =>
    void (await query(
      sql`insert into public.happened (reference, name, object) values (${order.reference}, ${name}, ${object})`,
    ))

/** Each hook writes down that it ran, so that a second run shows. */
const hooks: PaymentHooks = {
  onPaid: async (event, transaction) => {
    await note('paid')(event, transaction)
    await transaction.query(sql`
      insert into public.seats (reference, paid) values (${event.order.reference}, 1)
      on conflict (reference) do update set paid = seats.paid + 1`)
  },
  onOverpaid: note('overpaid'),
  onAuthorised: note('authorised'),
  onCaptured: note('captured'),
  onPaymentFailed: note('failed'),
  onReversed: note('reversed'),
  onRefunded: note('refunded'),
  onRefundFailed: note('refund failed'),
  onDisputed: note('disputed'),
  onDisputeWon: note('dispute won'),
  onDisputeLost: note('dispute lost'),
  onCheckoutExpired: note('expired'),
  onChanged: async ({ order }, { query }) =>
    void (await query(sql`
      insert into public.seats (reference, status) values (${order.reference}, ${order.status})
      on conflict (reference) do update set status = excluded.status`)),
}

export const webhookSecret = 'the secret of razorpay webhooks'
export const keySecret = 'the secret of the razorpay key'

/** A system that sells seats. */
export const till = defineSystem({
  name: 'till',
  summary: 'Sells seats.',
  tenant: null,
  uses: [payments({ hooks })],
  migrations: async () => ({
    name: 'till',
    migrations: [{ name: '001_seats', sql: schema, checksum: 'seats' }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

export const tillEnvironment = {
  PLINTH_TILL_PAYMENTS_RAZORPAY_KEY_ID: 'rzp_test_till',
  PLINTH_TILL_PAYMENTS_RAZORPAY_KEY_SECRET: keySecret,
  PLINTH_TILL_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: webhookSecret,
  // Nothing listens there: a provider that is down.
  PLINTH_TILL_PAYMENTS_RAZORPAY_BASE_URL: 'http://127.0.0.1:9',
  PLINTH_TILL_PAYMENTS_STRIPE_SECRET_KEY: 'sk_test_till',
  PLINTH_TILL_PAYMENTS_STRIPE_WEBHOOK_SECRET: 'whsec_till_of_tests',
  PLINTH_TILL_PAYMENTS_STRIPE_BASE_URL: 'http://127.0.0.1:9',
}

export const sign = (body: string | Uint8Array, secret = webhookSecret): string =>
  createHmac('sha256', secret).update(body).digest('hex')

interface PaymentFacts {
  readonly id: string
  readonly order: string
  readonly status: string
  readonly amount?: number
  readonly currency?: string
  readonly more?: object
}

/** Shapes of https://razorpay.com/docs/webhooks/payloads/. */
export const payment = ({
  id,
  order,
  status,
  amount = 9_999,
  currency = 'INR',
  more = {},
}: PaymentFacts) => ({
  id,
  entity: 'payment',
  amount,
  currency,
  status,
  order_id: order,
  invoice_id: null,
  international: false,
  method: 'upi',
  amount_refunded: 0,
  refund_status: null,
  captured: status === 'captured',
  description: null,
  email: 'ada@example.test',
  contact: '+919000090000',
  notes: [],
  fee: status === 'captured' ? 236 : null,
  tax: status === 'captured' ? 36 : null,
  error_code: status === 'failed' ? 'BAD_REQUEST_ERROR' : null,
  created_at: 1_768_478_400,
  ...more,
})

export const refund = (id: string, of: string, amount: number, status = 'processed') => ({
  id,
  entity: 'refund',
  amount,
  currency: 'INR',
  payment_id: of,
  notes: [],
  receipt: null,
  created_at: 1_768_478_500,
  status,
  speed_processed: 'normal',
  speed_requested: 'normal',
})

let events = 0

export function webhook(event: string, entities: Readonly<Record<string, object>>, at = 1_768_478_400) {
  events += 1
  const payload = Object.fromEntries(Object.entries(entities).map(([name, entity]) => [name, { entity }]))
  const body = JSON.stringify({
    entity: 'event',
    account_id: 'acc_BFQ7uQEaa7j2z7',
    event,
    contains: Object.keys(entities),
    payload,
    created_at: at,
  })
  const headers = { 'x-razorpay-signature': sign(body), 'x-razorpay-event-id': `evt_${events}` }
  return { method: 'POST', body, headers }
}
