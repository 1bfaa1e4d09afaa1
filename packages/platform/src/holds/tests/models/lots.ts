import { type Model, type Outcome, rows } from './model.ts'

export interface ModelLot {
  readonly key: string
  granted: number
  ends: number
  rank: number
  readonly order: number
  revoked: boolean
}

interface Charge {
  quantity: number
  until: number
  isCommitted: boolean
  /** Units by lot. */
  parts: Record<string, number>
}

export interface Account {
  lots: ModelLot[]
  charges: Record<string, Charge>
}

export type LotState = Record<string, Account>

const never = Number.POSITIVE_INFINITY
const inOrder = (lots: readonly ModelLot[]) =>
  [...lots].sort((a, b) => Math.sign(a.ends - b.ends) || a.rank - b.rank || a.order - b.order)
const taken = (account: Account, lot: string) =>
  Object.values(account.charges).reduce((sum, { parts }) => sum + (parts[lot] ?? 0), 0)
const left = (account: Account, lot: ModelLot, now: number) =>
  lot.ends > now && !lot.revoked ? Math.max(0, lot.granted - taken(account, lot.key)) : 0
const free = (account: Account, now: number) =>
  account.lots.reduce((sum, lot) => sum + left(account, lot, now), 0)

function dropExpired(account: Account, now: number): void {
  for (const [key, charge] of Object.entries(account.charges))
    if (!charge.isCommitted && charge.until <= now) delete account.charges[key]
}

function resize(account: Account, charge: Charge, quantity: number, now: number): void {
  let more = quantity - charge.quantity
  for (const lot of inOrder(account.lots)) {
    const part = Math.min(Math.max(more, 0), left(account, lot, now))
    charge.parts[lot.key] = (charge.parts[lot.key] ?? 0) + part
    more -= part
  }
  for (const lot of inOrder(account.lots).reverse()) {
    const part = Math.min(Math.max(-more, 0), charge.parts[lot.key] ?? 0)
    charge.parts[lot.key] = (charge.parts[lot.key] ?? 0) - part
    more += part
  }
  charge.quantity = quantity
}

function place(account: Account, key: string, quantity: number, until: number, now: number): Outcome {
  dropExpired(account, now)
  const own = account.charges[key]
  if (own?.isCommitted) return own.quantity === quantity ? 'ok' : 'error: already_committed'
  if (quantity > (own?.quantity ?? 0) + free(account, now)) return 'short'
  const charge = own ?? { quantity: 0, until, isCommitted: false, parts: {} }
  account.charges[key] = charge
  resize(account, charge, quantity, now)
  charge.until = until
  return 'ok'
}

function settle(account: Account, key: string, quantity: number, now: number): Outcome {
  dropExpired(account, now)
  const charge = account.charges[key]
  if (!charge) return 'gone'
  if (quantity === 0 && !charge.isCommitted) {
    delete account.charges[key]
    return 'ok'
  }
  const most = charge.quantity + (charge.isCommitted ? 0 : free(account, now))
  if (quantity > most) return 'short'
  resize(account, charge, quantity, now)
  charge.isCommitted = true
  return 'ok'
}

/** Credits in lots; every charge of a history is of one account. */
export const lots: Model<LotState> = {
  step(state, { do: what, thing = '', key = '', quantity = 0, until = 0, rank = 0, revoked = true }, now) {
    const account = state[thing]!
    const charge = account.charges[key]
    const lot = account.lots.find((candidate) => candidate.key === key)
    switch (what) {
      case 'grant':
        if (lot) Object.assign(lot, { granted: quantity, ends: until || never, rank })
        else {
          const order = account.lots.length
          account.lots.push({ key, granted: quantity, ends: until || never, rank, order, revoked: false })
        }
        return 'ok'
      case 'revoke':
        dropExpired(account, now)
        if (!lot) return 'none'
        lot.revoked = revoked
        return taken(account, key)
      case 'place one':
        return place(account, key, quantity, until, now)
      case 'commit': {
        if (!charge) return []
        if (!charge.isCommitted && charge.until <= now) {
          delete account.charges[key]
          return []
        }
        charge.isCommitted = true
        return rows([[key, thing, charge.quantity]])
      }
      case 'release':
        if (!charge || charge.isCommitted) return 0
        delete account.charges[key]
        return charge.until > now ? 1 : 0
      case 'settle':
        return settle(account, key, quantity, now)
      case 'return': {
        if (!charge?.isCommitted || charge.quantity === 0) return []
        const before = charge.quantity
        resize(account, charge, 0, now)
        return rows([[key, thing, before]])
      }
      default:
        throw new Error(`The model does not know ${what}.`)
    }
  },
  view: (state, now) =>
    Object.fromEntries(
      Object.entries(state).map(([thing, account]) => {
        const alive = Object.entries(account.charges).filter(
          ([, charge]) => charge.isCommitted || charge.until > now,
        )
        const seen = { lots: account.lots, charges: Object.fromEntries(alive) }
        return [
          thing,
          {
            balance: free(seen, now),
            charges: Object.fromEntries(
              alive.map(([key, { quantity, isCommitted, parts }]) => [
                key,
                {
                  quantity,
                  isCommitted,
                  parts: Object.fromEntries(Object.entries(parts).filter(([, part]) => part > 0)),
                },
              ]),
            ),
          },
        ]
      }),
    ),
}
