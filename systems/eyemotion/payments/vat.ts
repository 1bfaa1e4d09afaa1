/** Per cent of the net price, Thailand; prices include it. */
const vatPercent = 7

/** Satang for one credit, VAT included (E-N3: 0.50 THB). */
export const creditPrice = 50

/** The VAT that an amount includes: minor units, rounded half away from zero, as `private.vat_of` does. */
export const vatOf = (amount: number): number => Math.round((amount * vatPercent) / (100 + vatPercent))

/** An amount as lines of an order: what is earned, and the VAT that is carried. */
export const linesWithVat = (account: string, amount: number) =>
  [
    { account, kind: 'income' as const, amount: amount - vatOf(amount) },
    { account: 'vat', kind: 'liability' as const, amount: vatOf(amount) },
  ].filter((line) => line.amount > 0)
