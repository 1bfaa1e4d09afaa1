import { paymentErrors } from '../../errors.ts'
import type { Delivery } from '../../facts/delivery.ts'
import type { CheckoutOrder, PaymentProvider } from '../payment-provider.ts'
import { type Fields, readJson } from '../read-fields.ts'
import { fromStripe, toStripe } from './amounts.ts'
import { isForeign, readStripeAnswer, readStripeEvent } from './read-events.ts'
import { openStripe, type StripeApi, type StripeKeys } from './stripe-api.ts'
import { checkoutOf, stripeSubscriptions } from './stripe-subscriptions.ts'

export interface StripeSettings extends StripeKeys {
  /** `whsec_…`; undefined: no webhooks are taken. */
  readonly webhookSecret: string | undefined
}

/** Stripe refuses what was signed longer ago (its own default). */
const toleranceSeconds = 300
const pageSize = 100

export function createStripe(settings: StripeSettings, system: string): PaymentProvider {
  const api = openStripe(settings)
  const metadata = (target: string, more: object = {}) => ({
    plinth_system: system,
    plinth_target: target,
    ...more,
  })
  return {
    name: 'stripe',
    readWebhook: async (bytes, header, now) => {
      if (!settings.webhookSecret) throw paymentErrors.payment_provider_off({ provider: 'stripe' })
      const { webhooks } = await api.client()
      try {
        webhooks.signature!.verifyHeader(
          bytes,
          header('stripe-signature') ?? '',
          settings.webhookSecret,
          toleranceSeconds,
          undefined,
          now.getTime(),
        )
      } catch (cause) {
        throw paymentErrors.payment_signature_invalid({}, cause)
      }
      return readStripeEvent(readJson(bytes), system)
    },
    createCheckout: async (order) => {
      const { id, attempt, amount, currency, title, email, successUrl, cancelUrl } = order
      const made = await api.call((client) =>
        client.checkout.sessions.create(
          {
            mode: 'payment',
            client_reference_id: id,
            metadata: metadata(id),
            payment_intent_data: { metadata: metadata(id) },
            line_items: [
              {
                quantity: 1,
                price_data: {
                  currency: currency.toLowerCase(),
                  unit_amount: toStripe(amount, currency),
                  product_data: { name: title },
                },
              },
            ],
            ...(email ? { customer_email: email } : {}),
            ...(successUrl ? { success_url: successUrl } : {}),
            ...(cancelUrl ? { cancel_url: cancelUrl } : {}),
          },
          { idempotencyKey: `plinth checkout ${id} ${attempt}` },
        ),
      )
      return checkoutOf(made)
    },
    findCheckout: async (order) => {
      const found = await api.call((client) => client.checkout.sessions.list({ limit: pageSize }))
      const session = found.list('data').find((each) => isFor(order, each))
      return session ? checkoutOf(session) : null
    },
    readCheckout: async (object, now) => {
      const session = await api.call((client) =>
        client.checkout.sessions.retrieve(object, {
          expand: ['payment_intent.latest_charge.balance_transaction'],
        }),
      )
      const intent = readExpanded(session, 'payment_intent')
      const charge = intent && readExpanded(intent, 'latest_charge')
      const read = [session, intent, charge].filter((each) => each !== null)
      const refunds =
        charge && charge.countOr('amount_refunded', 0) > 0 ? await refundsOf(api, intent!.text('id')) : []
      return [...read, ...refunds].map((each) => readStripeAnswer(each, now, system))
    },
    capture: async ({ id, payment, amount, currency }, now) => {
      const made = await api.call((client) =>
        client.paymentIntents.capture(
          payment,
          { amount_to_capture: toStripe(amount, currency) },
          { idempotencyKey: `plinth capture ${id}` },
        ),
      )
      return { object: payment, delivery: readStripeAnswer(made, now, system) }
    },
    findCapture: async ({ payment }, now) => {
      const found = await api.call((client) => client.paymentIntents.retrieve(payment))
      if (found.text('status') !== 'succeeded') return null
      return { object: payment, delivery: readStripeAnswer(found, now, system) }
    },
    refund: async ({ id, order, payment, amount, currency }, now) => {
      const made = await api.call((client) =>
        client.refunds.create(
          {
            ...(payment.startsWith('ch_') ? { charge: payment } : { payment_intent: payment }),
            amount: toStripe(amount, currency),
            metadata: metadata(order, { plinth_request: id }),
          },
          { idempotencyKey: `plinth refund ${id}` },
        ),
      )
      return { object: made.text('id'), delivery: readStripeAnswer(made, now, system) }
    },
    findRefund: async ({ id, payment }, now) => {
      const refunds = await refundsOf(api, payment)
      const found = refunds.find((each) => each.optional('metadata')?.textOr('plinth_request', null) === id)
      return found ? { object: found.text('id'), delivery: readStripeAnswer(found, now, system) } : null
    },
    list: (from, until) => listStripe(api, system, from, until),
    subscriptions: stripeSubscriptions(api, system, metadata),
  }
}

const isFor = (order: CheckoutOrder, session: Fields): boolean =>
  session.textOr('client_reference_id', null) === order.id &&
  session.textOr('status', null) === 'open' &&
  fromStripe(session.count('amount_total'), order.currency) === order.amount &&
  session.text('currency').toUpperCase() === order.currency

const readExpanded = (object: Fields, name: string): Fields | null =>
  typeof object.raw(name) === 'object' ? object.optional(name) : null

const refundsOf = async (api: StripeApi, payment: string): Promise<Fields[]> => {
  const of = payment.startsWith('ch_') ? { charge: payment } : { payment_intent: payment }
  return (await api.call((client) => client.refunds.list({ ...of, limit: pageSize }))).list('data')
}

async function* listStripe(api: StripeApi, system: string, from: Date, until: Date): AsyncIterable<Delivery> {
  const created = { gte: seconds(from), lt: seconds(until) }
  for await (const charge of pages((after) =>
    api.call((client) =>
      client.charges.list({ created, limit: pageSize, expand: ['data.balance_transaction'], ...after }),
    ),
  ))
    if (!isForeign(charge, system)) yield readStripeAnswer(charge, until, system)
  for await (const refund of pages((after) =>
    api.call((client) => client.refunds.list({ created, limit: pageSize, ...after })),
  ))
    if (!isForeign(refund, system)) yield readStripeAnswer(refund, until, system)
}

async function* pages(
  read: (after: { readonly starting_after?: string }) => Promise<Fields>,
): AsyncIterable<Fields> {
  for (let last: string | undefined; ; ) {
    const page = await read(last ? { starting_after: last } : {})
    const items = page.list('data')
    yield* items
    last = items.at(-1)?.text('id')
    if (!page.flag('has_more') || !last) return
  }
}

const seconds = (instant: Date): number => Math.floor(instant.getTime() / 1000)
