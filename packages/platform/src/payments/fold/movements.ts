import { allocate } from '../ledger/allocate.ts'
import { lostBy, withheldBy } from './fold-dispute.ts'
import { countedRefunds, type OrderState, type OrderTerms, summarise } from './fold-order.ts'
import { receivedOf } from './fold-payment.ts'
import { givenBackOf } from './fold-refund.ts'

/** An account of the ledger within the order's tenant. */
export interface AccountName {
  readonly account: string
  readonly kind: 'asset' | 'liability' | 'equity' | 'income' | 'expense'
}

/** A part of an order's amount, and the account that it is for: income, or a tax that is carried and never computed. */
export interface OrderLine extends AccountName {
  /** Minor units. */
  readonly amount: number
  /** For documents. */
  readonly description?: string
}

export interface MovementLine extends AccountName {
  readonly currency: string
  /** Minor units; positive is debit. */
  readonly amount: number
}

/** By key: what the ledger has to hold for one reason. */
export type Movements = Readonly<Record<string, readonly MovementLine[]>>

/** Money that arrived for orders and is not yet theirs: overpaid, underpaid or in another currency. */
const received: AccountName = { account: 'received', kind: 'liability' }
const disputed: AccountName = { account: 'disputed', kind: 'asset' }
/** What a provider holds for us until it is paid out. */
const heldBy = (provider: string): AccountName => ({ account: `provider ${provider}`, kind: 'asset' })
const fees: AccountName = { account: 'payment fees', kind: 'expense' }

/**
 * What the ledger has to hold because of an order, for each reason. It follows from the state alone: whoever posts the
 * difference between this and what was posted before brings the ledger in line, whatever happened in between.
 *
 * | reason | debit | credit |
 * |---|---|---|
 * | payment captured | provider | received |
 * | its fee | payment fees | provider |
 * | refund succeeded | received | provider |
 * | dispute, undecided, the amount is withheld | disputed | provider |
 * | dispute lost | received | provider |
 * | order paid | received | the order's lines, in proportion to what is left after refunds and losses |
 */
export function movementsOf(
  terms: OrderTerms & { readonly lines: readonly OrderLine[] },
  state: OrderState,
): Movements {
  const movements: Record<string, readonly MovementLine[]> = {}
  const move = (key: string, debit: AccountName, credit: AccountName, amount: number, currency: string) => {
    if (amount !== 0)
      movements[key] = [
        { ...debit, currency, amount },
        { ...credit, currency, amount: -amount },
      ]
  }
  for (const [id, payment] of Object.entries(state.payments)) {
    for (const currency of Object.keys(payment.captured)) {
      const provider = heldBy(payment.provider)
      move(`capture ${id} ${currency}`, provider, received, receivedOf(payment, currency), currency)
      const hasFee = receivedOf(payment, currency) > 0 && payment.currencies.length === 1
      move(`fee ${id}`, fees, provider, hasFee ? payment.fee : 0, currency)
    }
  }
  for (const [id, refund] of countedRefunds(state))
    move(`refund ${id}`, received, heldBy(refund.provider), givenBackOf(refund), refund.currency)
  for (const [id, dispute] of Object.entries(state.disputes)) {
    const { currency } = dispute.latest
    const provider = heldBy(dispute.provider)
    move(`dispute ${id}`, disputed, provider, withheldBy(dispute), currency)
    move(`loss ${id}`, received, provider, lostBy(dispute), currency)
  }
  const recognised = recognise(terms, state)
  if (recognised.length > 0) movements.recognised = recognised
  return movements
}

/** The order's share of what is left, once it was paid: nothing of an order that was never paid in full. */
function recognise(
  terms: OrderTerms & { readonly lines: readonly OrderLine[] },
  state: OrderState,
): MovementLine[] {
  const { captured, net } = summarise(terms, state)
  const left = Math.min(Math.max(net, 0), terms.amount)
  if (captured < terms.amount || left === 0) return []
  const { currency, lines } = terms
  const parts = allocate(
    BigInt(left),
    lines.map(({ amount }) => BigInt(amount)),
  )
  return mergeAccounts([
    { ...received, currency, amount: left },
    ...lines.map(({ account, kind }, n) => ({ account, kind, currency, amount: -Number(parts[n]) })),
  ])
}

/** What has to be posted so that the ledger holds `wanted` instead of `posted`; empty when it does. */
export const difference = (
  wanted: readonly MovementLine[],
  posted: readonly MovementLine[],
): MovementLine[] => mergeAccounts([...wanted, ...posted.map((line) => ({ ...line, amount: -line.amount }))])

function mergeAccounts(lines: readonly MovementLine[]): MovementLine[] {
  const sums = new Map<string, MovementLine>()
  for (const line of lines) {
    const key = JSON.stringify([line.account, line.currency])
    const amount = (sums.get(key)?.amount ?? 0) + line.amount
    sums.set(key, { ...line, amount })
  }
  return [...sums.values()].filter(({ amount }) => amount !== 0)
}
