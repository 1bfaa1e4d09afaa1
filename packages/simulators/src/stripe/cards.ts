/** What the card of a number does, as docs.stripe.com/testing lists them. */
export interface CardBehaviour {
  readonly brand: 'visa' | 'mastercard' | 'amex' | 'discover' | 'jcb'
  readonly funding?: 'credit' | 'debit' | 'prepaid'
  readonly country?: string
  /** Refused by the bank, when it is charged or when it is attached. */
  readonly decline?: { readonly code: string; readonly reason: string; readonly message: string }
  /** It can be attached all the same. */
  readonly attaches?: boolean
  /** When the owner has to confirm: every time, or until the card was set up for later use. */
  readonly authentication?: 'always' | 'unless set up'
  readonly risk?: 'elevated' | 'highest'
  /** Radar refuses it. */
  readonly blocked?: boolean
  readonly dispute?: 'fraudulent' | 'product_not_received'
  /** Refunds succeed later, or fail later. */
  readonly refund?: 'pending' | 'fails'
  /** The money is available at once. */
  readonly bypassesPending?: boolean
}

const declined = (reason: string, message = 'Your card was declined.', code = 'card_declined') => ({
  decline: { code, reason, message },
})

const insufficient = declined('insufficient_funds', 'Your card has insufficient funds.')

const behaviours: Readonly<Record<string, CardBehaviour>> = {
  '4242424242424242': { brand: 'visa' },
  '4000056655665556': { brand: 'visa', funding: 'debit' },
  '5555555555554444': { brand: 'mastercard' },
  '5200828282828210': { brand: 'mastercard', funding: 'debit' },
  '5105105105105100': { brand: 'mastercard', funding: 'prepaid' },
  '378282246310005': { brand: 'amex' },
  '6011111111111117': { brand: 'discover' },
  '3566002020360505': { brand: 'jcb' },
  '4000003560000008': { brand: 'visa', country: 'IN' },
  '4000007640000003': { brand: 'visa', country: 'TH' },
  '4000000000000077': { brand: 'visa', bypassesPending: true },
  '4000000000000002': { brand: 'visa', ...declined('generic_decline') },
  '4000000000009995': { brand: 'visa', ...insufficient },
  '4000000000009987': { brand: 'visa', ...declined('lost_card') },
  '4000000000009979': { brand: 'visa', ...declined('stolen_card') },
  '4000000000000069': {
    brand: 'visa',
    ...declined('expired_card', 'Your card has expired.', 'expired_card'),
  },
  '4000000000000127': {
    brand: 'visa',
    ...declined('incorrect_cvc', "Your card's security code is incorrect.", 'incorrect_cvc'),
  },
  '4000000000000119': {
    brand: 'visa',
    ...declined(
      'processing_error',
      'An error occurred while processing your card. Try again in a little bit.',
      'processing_error',
    ),
  },
  '4000000000006975': { brand: 'visa', ...declined('card_velocity_exceeded') },
  '4000000000000341': { brand: 'visa', attaches: true, ...declined('generic_decline') },
  '4000002500003155': { brand: 'visa', authentication: 'unless set up' },
  '4000002760003184': { brand: 'visa', authentication: 'always' },
  '4000008260003178': { brand: 'visa', authentication: 'always', attaches: true, ...insufficient },
  '4000008400001629': {
    brand: 'visa',
    authentication: 'always',
    attaches: true,
    ...declined('generic_decline'),
  },
  '4000000000009235': { brand: 'visa', risk: 'elevated' },
  '4000000000004954': { brand: 'visa', risk: 'highest', blocked: true },
  '4100000000000019': { brand: 'visa', risk: 'highest', blocked: true },
  '4000000000000259': { brand: 'visa', dispute: 'fraudulent' },
  '4000000000002685': { brand: 'visa', dispute: 'product_not_received' },
  '4000000000007726': { brand: 'visa', refund: 'pending' },
  '4000000000005126': { brand: 'visa', refund: 'fails' },
}

/** Names that stand for a card: of test payment methods (`pm_card_visa`) and tokens (`tok_visa`), without the prefix. */
const names: Readonly<Record<string, string>> = {
  visa: '4242424242424242',
  visa_debit: '4000056655665556',
  mastercard: '5555555555554444',
  mastercard_debit: '5200828282828210',
  mastercard_prepaid: '5105105105105100',
  amex: '378282246310005',
  discover: '6011111111111117',
  jcb: '3566002020360505',
  in: '4000003560000008',
  th: '4000007640000003',
  bypassPending: '4000000000000077',
  visa_chargeDeclined: '4000000000000002',
  chargeDeclined: '4000000000000002',
  visa_chargeDeclinedInsufficientFunds: '4000000000009995',
  chargeDeclinedInsufficientFunds: '4000000000009995',
  visa_chargeDeclinedLostCard: '4000000000009987',
  visa_chargeDeclinedStolenCard: '4000000000009979',
  chargeDeclinedExpiredCard: '4000000000000069',
  chargeDeclinedIncorrectCvc: '4000000000000127',
  chargeDeclinedProcessingError: '4000000000000119',
  visa_chargeDeclinedVelocityLimitExceeded: '4000000000006975',
  chargeCustomerFail: '4000000000000341',
  authenticationRequiredOnSetup: '4000002500003155',
  authenticationRequired: '4000002760003184',
  threeDSecure2Required: '4000002760003184',
  authenticationRequiredChargeDeclinedInsufficientFunds: '4000008260003178',
  riskLevelElevated: '4000000000009235',
  riskLevelHighest: '4000000000004954',
  radarBlock: '4100000000000019',
  createDispute: '4000000000000259',
  createDisputeProductNotReceived: '4000000000002685',
  pendingRefund: '4000000000007726',
  refundFail: '4000000000005126',
}

/** The number that `pm_card_visa`, `tok_visa` and the like stand for. */
export const cardNumberOf = (name: string): string | undefined => {
  const [, short = ''] = /^(?:pm_card_|tok_)(\w+)$/.exec(name) ?? []
  return Object.hasOwn(names, short) ? names[short] : undefined
}

/** What a card does; undefined for a number that is no test card's. Spaces do not matter. */
export const behaviourOf = (number: string): CardBehaviour | undefined => {
  const digits = number.replace(/[\s-]/g, '')
  return Object.hasOwn(behaviours, digits) ? behaviours[digits] : undefined
}
