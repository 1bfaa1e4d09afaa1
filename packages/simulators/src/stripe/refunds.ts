import { bookBalance } from './charges.ts'
import { invalid } from './failure.ts'
import { metadata, oneOf, text, whole } from './params.ts'
import { behaviourOfMethod } from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { Charge, Refund } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

interface NewRefund {
  readonly amount?: number | undefined
  readonly reason?: Refund['reason'] | undefined
  readonly metadata?: Record<string, string> | null | undefined
}

/** Minor units as a person reads them in an error: 10.00. */
const shown = (amount: number, currency: string) => `${(amount / 100).toFixed(2)} ${currency}`

/** Seconds until a refund that takes its time succeeds or fails. */
const untilSettled = 5

/** Gives money of a charge back: all that is left of it, or part. */
export function refundCharge(world: StripeWorld, charge: Charge, given: NewRefund = {}): Refund {
  return world.inTimeOf(charge.customer, () => {
    const left = charge.amount_captured - refundedOf(world, charge)
    const amount = given.amount ?? left
    checkRefund(charge, amount, left)
    const refund = makeRefund(world, charge, amount, given)
    world.emit('refund.created', refund)
    showOnCharge(world, charge)
    if (refund.status === 'pending')
      world.plan('settle-refund', refund.id, world.seconds() + untilSettled, charge.customer)
    return refund
  })
}

function checkRefund(charge: Charge, amount: number, left: number): void {
  if (!charge.captured || charge.status !== 'succeeded')
    throw invalid(`Charge ${charge.id} has not been captured or did not succeed.`, { param: 'charge' })
  if (charge.disputed)
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    })
  if (left === 0)
    throw invalid(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' })
  if (amount < 1)
    throw invalid('Invalid positive integer', { code: 'parameter_invalid_integer', param: 'amount' })
  if (amount > left)
    throw invalid(
      `Refund amount (${shown(amount, charge.currency)}) is greater than unrefunded amount on charge (${shown(left, charge.currency)})`,
      { param: 'amount' },
    )
}

function makeRefund(world: StripeWorld, charge: Charge, amount: number, given: NewRefund): Refund {
  const method = world.payment_methods.get(charge.payment_method ?? '')
  const settles = method ? behaviourOfMethod(world, method).refund : undefined
  const id = world.id('re')
  const transaction = bookBalance(world, {
    amount: -amount,
    currency: charge.currency,
    description: 'REFUND FOR CHARGE',
    reporting_category: 'refund',
    source: id,
    type: 'refund',
  })
  return world.refunds.put({
    id,
    object: 'refund',
    amount,
    balance_transaction: transaction.id,
    charge: charge.id,
    created: world.seconds(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    metadata: patchMetadata({}, given.metadata),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: given.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    // A refund that fails later looks as if it had succeeded until then.
    status: settles === 'pending' ? 'pending' : 'succeeded',
    transfer_reversal: null,
  })
}

const counts = ({ status }: Refund) => status === 'succeeded' || status === 'pending'

/** Minor units given back by refunds. */
const refundedOf = (world: StripeWorld, charge: Charge): number =>
  world.refunds
    .all()
    .filter((refund) => refund.charge === charge.id && counts(refund))
    .reduce((sum, { amount }) => sum + amount, 0)

/** What a capture let go counts as given back, too. */
function refundFields(world: StripeWorld, charge: Charge): Partial<Charge> {
  const refunded = charge.amount - charge.amount_captured + refundedOf(world, charge)
  return { amount_refunded: refunded, refunded: refunded === charge.amount }
}

function showOnCharge(world: StripeWorld, charge: Charge): void {
  const previous = change(charge, refundFields(world, charge))
  world.emit('charge.refunded', charge, previous)
  const method = world.payment_methods.get(charge.payment_method ?? '')
  if (!method || behaviourOfMethod(world, method).refund !== 'fails') return
  for (const refund of world.refunds.all())
    if (refund.charge === charge.id && refund.status === 'succeeded')
      world.plan('settle-refund', refund.id, world.seconds() + untilSettled, charge.customer)
}

/** The bank has answered: money has arrived, or comes back. */
export function settleRefund(world: StripeWorld, refund: Refund): void {
  if (refund.status === 'pending') {
    const previous = change(refund, { status: 'succeeded' })
    world.emit('refund.updated', refund, previous)
    world.emit('charge.refund.updated', refund, previous)
    return
  }
  if (refund.status !== 'succeeded') return
  const back = bookBalance(world, {
    amount: refund.amount,
    currency: refund.currency,
    description: 'REFUND FAILURE',
    reporting_category: 'refund_failure',
    source: refund.id,
    type: 'refund_failure',
  })
  const previous = change(refund, {
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
    failure_balance_transaction: back.id,
  })
  const charge = need(world.charges, 'charge', refund.charge!)
  change(charge, refundFields(world, charge))
  world.emit('refund.updated', refund, previous)
  world.emit('refund.failed', refund, previous)
  world.emit('charge.refund.updated', refund, previous)
}

/** The charge that a call names, by itself or by its intent. */
function chargeOf(world: StripeWorld, charge: string | undefined, intent: string | undefined): Charge {
  if (charge) return need(world.charges, 'charge', charge, 'charge')
  if (!intent)
    throw invalid(
      'One of the following params should be provided for this request: payment_intent or charge.',
    )
  const found = need(world.payment_intents, 'payment_intent', intent, 'payment_intent')
  const latest = world.charges.get(found.latest_charge ?? '')
  if (latest?.status === 'succeeded') return latest
  throw invalid(`This PaymentIntent (${intent}) does not have a successful charge to refund.`, {
    param: 'payment_intent',
  })
}

export function refundRoutes(world: StripeWorld): Route[] {
  const { refunds } = world
  return [
    route(
      'POST',
      '/v1/refunds',
      {
        amount: whole.optional(),
        charge: text.optional(),
        payment_intent: text.optional(),
        metadata: metadata.optional(),
        reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer').optional(),
      },
      ({ charge, payment_intent, ...given }) =>
        refundCharge(world, chargeOf(world, charge, payment_intent), given),
    ),
    listRoute(
      '/v1/refunds',
      { charge: text.optional(), payment_intent: text.optional() },
      ({ charge, payment_intent }) =>
        refunds
          .all()
          .filter((refund) => !charge || refund.charge === charge)
          .filter((refund) => !payment_intent || refund.payment_intent === payment_intent),
    ),
    route('GET', '/v1/refunds/:id', {}, (_, { id }) => need(refunds, 'refund', id!)),
    route('POST', '/v1/refunds/:id', { metadata: metadata.optional() }, ({ metadata: patch }, { id }) => {
      const refund = need(refunds, 'refund', id!)
      world.emit('refund.updated', refund, change(refund, { metadata: patchMetadata(refund, patch) }))
      return refund
    }),
  ]
}
