/** Currencies that Stripe writes in hundredths though they have none (docs.stripe.com/currencies#special-cases). */
const inHundredths = new Set(['ISK', 'UGX'])
/** Currencies that Stripe writes in whole units though ISO 4217 gives them two decimals. */
const inWholeUnits = new Set(['MGA'])

/** Stripe's amount as minor units of the currency. */
export function fromStripe(amount: number, currency: string): number {
  if (inHundredths.has(currency)) return Math.round(amount / 100)
  return inWholeUnits.has(currency) ? amount * 100 : amount
}

/** Minor units of the currency as Stripe's amount. */
export function toStripe(amount: number, currency: string): number {
  if (inHundredths.has(currency)) return amount * 100
  return inWholeUnits.has(currency) ? Math.round(amount / 100) : amount
}
