export const subscriptionStates = [
  'pending_approval',
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'cancelled',
  'expired',
] as const
export type SubscriptionState = (typeof subscriptionStates)[number]

/** `unpaid`: a period ended and the next one is not paid. `given_up`: nor was it in the days after. */
export const subscriptionEvents = ['approved', 'trial', 'paid', 'unpaid', 'given_up', 'cancelled'] as const
export type SubscriptionChange = (typeof subscriptionEvents)[number]

type Row = Readonly<Record<SubscriptionChange, SubscriptionState | null>>
const ended: Row = {
  approved: null,
  trial: null,
  paid: null,
  unpaid: null,
  given_up: null,
  cancelled: null,
}

/** What a subscription that this process manages becomes; null: nothing happens. A free period counts as paid. */
const table: Readonly<Record<SubscriptionState, Row>> = {
  pending_approval: { ...ended, approved: 'incomplete', cancelled: 'cancelled' },
  incomplete: { ...ended, trial: 'trialing', paid: 'active', given_up: 'expired', cancelled: 'cancelled' },
  trialing: { ...ended, paid: 'active', unpaid: 'past_due', cancelled: 'cancelled' },
  active: { ...ended, paid: 'active', unpaid: 'past_due', cancelled: 'cancelled' },
  past_due: { ...ended, paid: 'active', given_up: 'expired', cancelled: 'cancelled' },
  cancelled: ended,
  expired: ended,
}

export const nextStatus = (state: SubscriptionState, event: SubscriptionChange): SubscriptionState | null =>
  table[state][event]
