import type { CardBehaviour } from './cards.ts'
import { metadata, text } from './params.ts'
import { behaviourOfMethod, describeCard } from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { BalanceTransaction, Charge, PaymentIntent, PaymentMethod } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

/** Seconds until the money of a payment is available. */
const untilAvailable = 2 * 86_400

type NewTransaction = Pick<
  BalanceTransaction,
  'amount' | 'currency' | 'reporting_category' | 'source' | 'type'
> &
  Partial<Pick<BalanceTransaction, 'available_on' | 'description' | 'fee' | 'fee_details'>>

/** Books an amount of minor units to or from the account's balance. */
export function bookBalance(world: StripeWorld, entry: NewTransaction): BalanceTransaction {
  const now = world.seconds()
  const availableOn = entry.available_on ?? now
  const fee = entry.fee ?? 0
  return world.balance_transactions.put({
    id: world.id('txn'),
    object: 'balance_transaction',
    amount: entry.amount,
    available_on: availableOn,
    balance_type: 'payments',
    created: now,
    currency: entry.currency,
    description: entry.description ?? null,
    exchange_rate: null,
    fee,
    fee_details: entry.fee_details ?? [],
    net: entry.amount - fee,
    reporting_category: entry.reporting_category,
    source: entry.source,
    status: availableOn <= now ? 'available' : 'pending',
    type: entry.type,
  })
}

/** Books a captured charge, with Stripe's fee. */
export function bookCharge(world: StripeWorld, charge: Charge, behaviour: CardBehaviour): void {
  const { feePercent, feeFixed } = world.account
  const fee = Math.min(
    charge.amount_captured,
    Math.round((charge.amount_captured * feePercent) / 100) + feeFixed,
  )
  const transaction = bookBalance(world, {
    amount: charge.amount_captured,
    available_on: world.seconds() + (behaviour.bypassesPending ? 0 : untilAvailable),
    currency: charge.currency,
    description: charge.description,
    fee,
    fee_details: [
      {
        amount: fee,
        application: null,
        currency: charge.currency,
        description: 'Stripe processing fees',
        type: 'stripe_fee',
      },
    ],
    reporting_category: 'charge',
    source: charge.id,
    type: 'charge',
  })
  // As with `automatic_async`: the first event of a charge goes out before its money is booked.
  world.emit('charge.updated', charge, change(charge, { balance_transaction: transaction.id }))
}

/** Why a card was refused. */
export interface Refusal {
  readonly code: string
  readonly reason: string
  readonly message: string
  /** Stripe refused it, and not the bank. */
  readonly blocked?: boolean
}

/** Makes the charge of an attempt to pay, refused or not. */
export function makeCharge(
  world: StripeWorld,
  intent: PaymentIntent,
  method: PaymentMethod,
  outcome: {
    readonly refusal?: Refusal | undefined
    readonly capture: boolean
    readonly authenticated: boolean
  },
): Charge {
  const { refusal } = outcome
  const behaviour = behaviourOfMethod(world, method)
  const id = world.id('ch')
  const captured = !refusal && outcome.capture
  const charge = world.charges.put({
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: world.account.name.toUpperCase().slice(0, 22),
    captured,
    created: world.seconds(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: refusal?.code ?? null,
    failure_message: refusal?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: outcomeOf(behaviour, refusal),
    paid: !refusal,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: {
      type: 'card',
      card: {
        ...describeCard(world.secrets.get(method.id)?.number ?? method.card!.last4, behaviour),
        amount_authorized: refusal ? null : intent.amount,
        authorization_code: refusal ? null : String(100_000 + world.simulation.seeded.below(900_000)),
        electronic_commerce_indicator: null,
        exp_month: method.card!.exp_month,
        exp_year: method.card!.exp_year,
        installments: null,
        mandate: null,
        network: behaviour.brand,
        network_transaction_id: world.simulation.seeded.text(15).toUpperCase(),
        three_d_secure: outcome.authenticated
          ? {
              authentication_flow: 'challenge',
              electronic_commerce_indicator: '05',
              exemption_indicator: null,
              result: 'authenticated',
              result_reason: null,
              transaction_id: world.simulation.seeded.text(36),
              version: '2.2.0',
            }
          : null,
        transaction_link_id: null,
        wallet: null,
      },
    },
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: refusal ? null : `${world.url()}/receipts/${id}`,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: refusal ? 'failed' : 'succeeded',
    transfer_data: null,
    transfer_group: intent.transfer_group,
  })
  world.emit(refusal ? 'charge.failed' : 'charge.succeeded', charge)
  if (captured) bookCharge(world, charge, behaviour)
  return charge
}

/** Radar's levels, with a score of each. */
const scores = { normal: 32, elevated: 68, highest: 92 } as const

function outcomeOf(behaviour: CardBehaviour, refusal: Refusal | undefined): Charge['outcome'] {
  const level = behaviour.risk ?? 'normal'
  const common = {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    risk_level: level,
    risk_score: scores[level],
  }
  if (!refusal)
    return {
      ...common,
      network_status: 'approved_by_network',
      reason: level === 'elevated' ? 'elevated_risk_level' : null,
      seller_message:
        level === 'elevated'
          ? 'Stripe evaluated this payment as having elevated risk, and placed it in your manual review queue.'
          : 'Payment complete.',
      type: level === 'elevated' ? 'manual_review' : 'authorized',
    }
  if (refusal.blocked)
    return {
      ...common,
      network_status: 'not_sent_to_network',
      reason: 'highest_risk_level',
      seller_message: 'Stripe blocked this payment as too risky.',
      type: 'blocked',
    }
  return {
    ...common,
    network_decline_code: '02',
    network_status: 'declined_by_network',
    reason: refusal.reason,
    seller_message: 'The bank did not return any further details with this decline.',
    type: 'issuer_declined',
  }
}

export function chargeRoutes(world: StripeWorld): Route[] {
  const { charges, balance_transactions: transactions } = world
  return [
    listRoute(
      '/v1/charges',
      { customer: text.optional(), payment_intent: text.optional() },
      ({ customer, payment_intent }) =>
        charges
          .all()
          .filter((charge) => !customer || charge.customer === customer)
          .filter((charge) => !payment_intent || charge.payment_intent === payment_intent),
    ),
    route('GET', '/v1/charges/:id', {}, (_, { id }) => need(charges, 'charge', id!)),
    route(
      'POST',
      '/v1/charges/:id',
      { description: text.optional(), metadata: metadata.optional(), receipt_email: text.optional() },
      ({ metadata: patch, ...given }, { id }) => {
        const charge = need(charges, 'charge', id!)
        const changes = { ...given, metadata: patchMetadata(charge, patch) } as Partial<Charge>
        world.emit('charge.updated', charge, change(charge, changes))
        return charge
      },
    ),
    listRoute(
      '/v1/balance_transactions',
      { source: text.optional(), type: text.optional(), currency: text.optional(), payout: text.optional() },
      ({ source, type, currency }) =>
        transactions
          .all()
          .map((each) => settle(world, each))
          .filter((each) => !source || each.source === source)
          .filter((each) => !type || each.type === type)
          .filter((each) => !currency || each.currency === currency),
    ),
    route('GET', '/v1/balance_transactions/:id', {}, (_, { id }) =>
      settle(world, need(transactions, 'balance transaction', id!)),
    ),
    route('GET', '/v1/balance', {}, () => balanceOf(world)),
  ]
}

/** A booking is pending until its day has come. */
function settle(world: StripeWorld, transaction: BalanceTransaction): BalanceTransaction {
  if (transaction.available_on <= world.seconds()) transaction.status = 'available'
  return transaction
}

function balanceOf(world: StripeWorld): object {
  const sums = (status: string) => {
    const byCurrency = new Map<string, number>()
    for (const each of world.balance_transactions.all().map((one) => settle(world, one)))
      if (each.status === status)
        byCurrency.set(each.currency, (byCurrency.get(each.currency) ?? 0) + each.net)
    return [...byCurrency].map(([currency, amount]) => ({ amount, currency, source_types: { card: amount } }))
  }
  return { object: 'balance', available: sums('available'), livemode: false, pending: sums('pending') }
}
