import { z } from 'zod'
import { bookBalance } from './charges.ts'
import { invalid } from './failure.ts'
import { clearable, flag, metadata, text } from './params.ts'
import { behaviourOfMethod } from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { Charge, Dispute } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

/** Seconds in which evidence has to come. */
const answerWithin = 9 * 86_400

const evidenceTexts = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_tracking_number',
  'uncategorized_text',
] as const

const evidenceFiles = [
  'cancellation_policy',
  'customer_communication',
  'customer_signature',
  'duplicate_charge_documentation',
  'receipt',
  'refund_policy',
  'service_documentation',
  'shipping_documentation',
  'uncategorized_file',
] as const

const evidence = z.strictObject(
  Object.fromEntries([...evidenceTexts, ...evidenceFiles].map((name) => [name, clearable.optional()])),
)

const noEvidence = Object.fromEntries(
  [...evidenceTexts, ...evidenceFiles].map((name) => [name, null]),
) as unknown as Dispute['evidence']

/** The owner of a card takes a payment back; the money goes at once, with a fee. */
export function disputeCharge(world: StripeWorld, charge: Charge, reason?: string): Dispute {
  if (charge.disputed || charge.status !== 'succeeded')
    throw invalid(`Charge ${charge.id} cannot be disputed.`)
  const method = world.payment_methods.get(charge.payment_method ?? '')
  const brand = method ? behaviourOfMethod(world, method).brand : 'visa'
  return world.inTimeOf(charge.customer, () => {
    const dispute = world.disputes.put({
      id: world.id('du'),
      object: 'dispute',
      amount: charge.amount_captured,
      balance_transactions: [],
      charge: charge.id,
      created: world.seconds(),
      currency: charge.currency,
      enhanced_eligibility_types: [],
      evidence: { ...noEvidence, enhanced_evidence: {} },
      evidence_details: {
        due_by: world.seconds() + answerWithin,
        enhanced_eligibility: {},
        has_evidence: false,
        past_due: false,
        submission_count: 0,
        submission_method: 'manual',
      } as unknown as Dispute['evidence_details'],
      intended_submission_method: null,
      is_charge_refundable: false,
      livemode: false,
      metadata: {},
      payment_intent: charge.payment_intent,
      payment_method_details: {
        card: { brand, case_type: 'chargeback', network: brand, network_reason_code: '10.4' },
        type: 'card',
      },
      reason: reason ?? (method ? behaviourOfMethod(world, method).dispute : undefined) ?? 'fraudulent',
      status: 'needs_response',
    })
    move(world, dispute, -charge.amount_captured, world.account.disputeFee)
    world.emit('charge.updated', charge, change(charge, { disputed: true }))
    world.emit('charge.dispute.created', dispute)
    world.emit('charge.dispute.funds_withdrawn', dispute)
    world.plan('dispute-due', dispute.id, dispute.evidence_details.due_by!, charge.customer)
    return dispute
  })
}

function move(world: StripeWorld, dispute: Dispute, amount: number, fee: number): void {
  const { currency } = dispute
  const transaction = bookBalance(world, {
    amount,
    currency,
    description: amount < 0 ? 'Chargeback withdrawal' : 'Chargeback reversal',
    fee,
    fee_details: [
      { amount: fee, application: null, currency, description: 'Dispute fee', type: 'stripe_fee' },
    ],
    reporting_category: amount < 0 ? 'dispute' : 'dispute_reversal',
    source: dispute.id,
    type: 'adjustment',
  })
  dispute.balance_transactions.push(transaction as never)
}

/** The bank has decided. Who wins gets the money and the fee back. */
export function closeDispute(world: StripeWorld, dispute: Dispute, outcome: 'won' | 'lost'): Dispute {
  if (dispute.status === 'won' || dispute.status === 'lost')
    throw invalid('This dispute is already closed.', { param: 'dispute' })
  const charge = need(world.charges, 'charge', dispute.charge)
  return world.inTimeOf(charge.customer, () => {
    world.simulation.timers.cancel('dispute-due', dispute.id)
    change(dispute, { status: outcome })
    if (outcome === 'won') {
      move(world, dispute, dispute.amount, -world.account.disputeFee)
      world.emit('charge.dispute.funds_reinstated', dispute)
    }
    world.emit('charge.dispute.closed', dispute)
    return dispute
  })
}

/** Texts that decide a dispute, as in Stripe's test mode. */
const verdicts: Readonly<Record<string, 'won' | 'lost'>> = {
  winning_evidence: 'won',
  losing_evidence: 'lost',
}

export function disputeRoutes(world: StripeWorld): Route[] {
  const { disputes } = world
  const find = (id: string | undefined) => need(disputes, 'dispute', id!)
  return [
    listRoute(
      '/v1/disputes',
      { charge: text.optional(), payment_intent: text.optional() },
      ({ charge, payment_intent }) =>
        disputes
          .all()
          .filter((dispute) => !charge || dispute.charge === charge)
          .filter((dispute) => !payment_intent || dispute.payment_intent === payment_intent),
    ),
    route('GET', '/v1/disputes/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/disputes/:id',
      { evidence: evidence.optional(), metadata: metadata.optional(), submit: flag.optional() },
      ({ evidence: given, metadata: patch, submit }, { id }) => {
        const dispute = find(id)
        if (given && dispute.status !== 'needs_response')
          throw invalid('This dispute can no longer be answered.', { param: 'evidence' })
        const merged = { ...dispute.evidence, ...given } as Dispute['evidence']
        const sent = given !== undefined && submit !== false
        const previous = change(dispute, {
          evidence: merged,
          evidence_details: {
            ...dispute.evidence_details,
            has_evidence: dispute.evidence_details.has_evidence || given !== undefined,
            submission_count: dispute.evidence_details.submission_count + (sent ? 1 : 0),
          },
          metadata: patchMetadata(dispute, patch),
          ...(sent ? { status: 'under_review' } : {}),
        })
        world.emit('charge.dispute.updated', dispute, previous)
        const verdict = verdicts[merged.uncategorized_text ?? '']
        if (sent && verdict) closeDispute(world, dispute, verdict)
        return dispute
      },
    ),
    route('POST', '/v1/disputes/:id/close', {}, (_, { id }) => closeDispute(world, find(id), 'lost')),
  ]
}
