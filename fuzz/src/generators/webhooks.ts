import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import { signatures } from '../everything.ts'
import type { Target } from '../target.ts'
import { longText } from './large.ts'
import { wild } from './values.ts'

const id = fc.constantFrom(
  'pi_1',
  'ch_1',
  're_1',
  'dp_1',
  'cs_1',
  'sub_1',
  'in_1',
  'pay_1',
  'order_1',
  'rfnd_1',
)
const amount = fc.constantFrom(0, 1, 100, 99_999_999, 1.5, -1, 2 ** 53)
const instant = fc.constantFrom(0, 1_767_225_600, 1_798_761_600, -1, 2 ** 40)
const currency = fc.constantFrom('usd', 'INR', 'jpy', 'kwd', 'xxx', '')

/** An object of Stripe's with the members of all kinds, so that any kind finds what it reads. */
const stripeObject = (ids: readonly string[]) =>
  nearly(ids, {
    id,
    object: fc.constantFrom(
      'payment_intent',
      'charge',
      'refund',
      'dispute',
      'checkout.session',
      'subscription',
      'invoice',
      'review',
      'x',
    ),
    status: fc.constantFrom(
      'succeeded',
      'requires_capture',
      'canceled',
      'failed',
      'pending',
      'won',
      'lost',
      'active',
      'paid',
      'complete',
      'x',
    ),
    payment_status: fc.constantFrom('paid', 'unpaid', 'no_payment_required'),
    amount,
    amount_total: amount,
    amount_received: amount,
    amount_refunded: amount,
    amount_paid: amount,
    amount_due: amount,
    currency,
    captured: fc.boolean(),
    refunded: fc.boolean(),
    payment_intent: id,
    charge: id,
    latest_charge: id,
    subscription: id,
    customer: id,
    created: instant,
    metadata: fc.record(
      {
        plinth_system: fc.constantFrom('everything', 'shops', ''),
        plinth_target: fc.constantFrom(...ids, 'x'),
      },
      { requiredKeys: [] },
    ),
    client_reference_id: fc.constantFrom(...ids),
    current_period_start: instant,
    current_period_end: instant,
    cancel_at_period_end: fc.boolean(),
    refunds: fc.constant({ data: [{ id: 're_1', object: 'refund', amount: 1, status: 'succeeded' }] }),
    items: fc.constant({
      data: [{ id: 'si_1', price: { id: 'price_1' }, quantity: 1, current_period_end: 1_798_761_600 }],
    }),
  })

const stripeEvent = (ids: readonly string[]) =>
  nearly(ids, {
    id: fc.nat({ max: 400 }).map((number) => `evt_${number}`),
    object: fc.constant('event'),
    type: fc.constantFrom(
      'payment_intent.succeeded',
      'payment_intent.payment_failed',
      'charge.refunded',
      'charge.dispute.created',
      'checkout.session.completed',
      'customer.subscription.updated',
      'invoice.paid',
      'x',
    ),
    created: instant,
    livemode: fc.boolean(),
    data: stripeObject(ids).map((object) => ({ object })),
  })

const razorpayEntity = (ids: readonly string[]) =>
  nearly(ids, {
    id,
    order_id: id,
    payment_id: id,
    status: fc.constantFrom(
      'created',
      'authorized',
      'captured',
      'failed',
      'refunded',
      'processed',
      'open',
      'won',
      'x',
    ),
    amount,
    amount_refunded: amount,
    currency,
    captured: fc.boolean(),
    receipt: fc.constantFrom(...ids, 'x'),
    created_at: instant,
    notes: fc.constantFrom<unknown>([], {}, { a: 'b' }),
  })

const razorpayEvent = (ids: readonly string[]) =>
  nearly(ids, {
    event: fc.constantFrom(
      'payment.captured',
      'payment.failed',
      'order.paid',
      'refund.processed',
      'payment.dispute.created',
      'x',
    ),
    created_at: instant,
    payload: fc.dictionary(
      fc.constantFrom('payment', 'refund', 'dispute', 'order'),
      razorpayEntity(ids).map((entity) => ({ entity })),
      { maxKeys: 3 },
    ),
  })

const sendGridEvents = (ids: readonly string[]) =>
  fc.array(
    nearly(ids, {
      event: fc.constantFrom(
        'processed',
        'delivered',
        'open',
        'bounce',
        'dropped',
        'spamreport',
        'unsubscribe',
        'x',
      ),
      email: fc.constantFrom('fuzz@example.test', '', 'x'.repeat(321)),
      timestamp: instant,
      sg_event_id: id,
      plinth_id: fc.constantFrom(...ids, 'x'),
      type: fc.constantFrom('bounce', 'blocked'),
    }),
    { maxLength: 4 },
  )

const twilioForm = (ids: readonly string[]) =>
  fc
    .dictionary(
      fc.constantFrom('MessageSid', 'SmsSid', 'MessageStatus', 'SmsStatus', 'ErrorCode', 'To', 'From', 'x'),
      fc.constantFrom(
        'SM1',
        'delivered',
        'undelivered',
        'failed',
        '30005',
        '+15005550006',
        '',
        '\u0000',
        ...ids,
      ),
      { maxKeys: 6 },
    )
    .map((fields) => new URLSearchParams(fields).toString())

/** A record of which some members are missing and some are something else. */
function nearly(ids: readonly string[], members: Readonly<Record<string, fc.Arbitrary<unknown>>>) {
  const odd = wild(ids)
  return fc.record(
    Object.fromEntries(
      Object.entries(members).map(([name, value]) => [
        name,
        fc.oneof({ weight: 14, arbitrary: value }, { weight: 1, arbitrary: odd }),
      ]),
    ),
    { requiredKeys: Object.keys(members).slice(0, 5) },
  )
}

type Body = (ids: readonly string[]) => fc.Arbitrary<string>
const json =
  (make: (ids: readonly string[]) => fc.Arbitrary<unknown>): Body =>
  (ids) =>
    make(ids).map((value) => JSON.stringify(value))

const payments: Readonly<Record<string, Body>> = { stripe: json(stripeEvent), razorpay: json(razorpayEvent) }
const callbacks: Readonly<Record<string, Body>> = {
  sendgrid: json(sendGridEvents),
  twilio: twilioForm,
  ses: json((ids) =>
    nearly(ids, { Type: fc.constantFrom('Notification', 'SubscriptionConfirmation'), Message: fc.json() }),
  ),
}

/** What Stripe and Razorpay report, signed as they do, and what they never would. */
export const paymentCases = (target: Target) => webhooksTo(target, '/payments/webhooks/', payments)

/** What mail and SMS providers report, and the links of mails. */
export const notificationCases = (target: Target): fc.Arbitrary<HttpCase> =>
  fc.oneof(
    { weight: 3, arbitrary: webhooksTo(target, '/notifications/callbacks/', callbacks) },
    { weight: 1, arbitrary: linkCases(target) },
  )

function webhooksTo({ ids, origin }: Target, path: string, bodies: Readonly<Record<string, Body>>) {
  return fc.constantFrom(...Object.entries(bodies)).chain(([provider, make]) =>
    fc
      .record({
        body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
          { weight: 16, arbitrary: make(ids) },
          { weight: 1, arbitrary: fc.json() },
          { weight: 1, arbitrary: longText(300_000) },
        ),
        isSigned: fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, fc.constant(false)),
        query: fc.constantFrom('', '', '?id=x', `?id=${ids[0]}`),
      })
      .map(({ body, isSigned, query }): HttpCase => {
        const target = `/everything${path}${provider}${query}`
        const type = provider === 'twilio' ? 'application/x-www-form-urlencoded' : 'application/json'
        const signed =
          isSigned && typeof body === 'string' ? signatures[provider]?.(body, origin + target) : {}
        return { kind: 'http', method: 'POST', target, headers: { 'content-type': type, ...signed }, body }
      }),
  )
}

const linkCases = ({ keys }: Target): fc.Arbitrary<HttpCase> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'POST', 'OPTIONS'),
      path: fc.constantFrom(
        'unsubscribe',
        'push-key',
        'preview',
        'preview/x',
        'nothing',
        'callbacks/',
        '%00',
      ),
      token: fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('a.b.c', 'e30.e30', '')),
    })
    .map(({ method, path, token }) => ({
      kind: 'http',
      method,
      target: `/everything/notifications/${path}?token=${encodeURIComponent(token.toWellFormed())}`,
      headers: { apikey: keys['everything']!.anon },
    }))
