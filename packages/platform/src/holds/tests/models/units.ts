import { type Model, type ModelClaim, type Operation, type Outcome, rows } from './model.ts'

interface Waiter {
  readonly key: string
  readonly quantity: number
  state: string
  offerUntil: number | null
}

export interface UnitPool {
  readonly isQuota: boolean
  onHand: number
  used: number
  holds: Record<string, { quantity: number; until: number }>
  /** Null without a waitlist; in the order of joining. */
  line: Waiter[] | null
  readonly offerFor: number
  readonly closes: number
}

export type UnitState = Record<string, UnitPool>

const isOpen = ({ state }: Waiter) => state === 'waiting' || state === 'offered'
const held = (pool: UnitPool, now: number, except?: string) =>
  Object.entries(pool.holds).reduce(
    (sum, [key, hold]) => sum + (key !== except && hold.until > now ? hold.quantity : 0),
    0,
  )
const waiting = (pool: UnitPool) =>
  (pool.line ?? []).filter(
    ({ state, quantity }) => state === 'waiting' && quantity <= pool.onHand + pool.used,
  )

/** A hold that ran out is free at once, but its key counts as a holder until somebody needed its units. */
function dropExpired(pool: UnitPool, now: number): void {
  for (const [key, hold] of Object.entries(pool.holds)) if (hold.until <= now) delete pool.holds[key]
}

/** Ends offers, and makes new ones in the order of joining as far as units reach. */
function advance(pool: UnitPool, now: number): void {
  if (!pool.line?.some(isOpen)) return
  for (const entry of pool.line.filter(isOpen)) {
    if ((entry.offerUntil ?? Number.POSITIVE_INFINITY) > now && pool.closes > now) continue
    entry.state = 'expired'
    delete pool.holds[entry.key]
  }
  dropExpired(pool, now)
  let free = pool.onHand - held(pool, now)
  for (const entry of waiting(pool)) {
    if (entry.quantity > free) return
    free -= entry.quantity
    entry.state = 'offered'
    entry.offerUntil = Math.min(now + pool.offerFor, pool.closes)
    pool.holds[entry.key] = { quantity: entry.quantity, until: entry.offerUntil }
  }
}

function endOffer(pool: UnitPool, key: string, state: string): void {
  const entry = pool.line?.find((candidate) => candidate.key === key)
  if (entry?.state === 'offered' || (entry?.state === 'waiting' && state === 'accepted')) entry.state = state
}

function place(state: UnitState, key: string, until: number, claims: readonly ModelClaim[], now: number) {
  const wishes = claims.map(({ thing, quantity = 0 }) => ({ pool: state[thing]!, quantity }))
  for (const { pool, quantity } of wishes) {
    advance(pool, now)
    const others = held(pool, Number.NEGATIVE_INFINITY, key)
    if (quantity > pool.onHand - others) dropExpired(pool, now)
  }
  const fits = wishes.every(({ pool, quantity }) => {
    const own = pool.holds[key]
    if (own && own.until > now && quantity <= own.quantity) return true
    const free = pool.onHand - held(pool, now, key)
    const live = own && own.until > now ? own.quantity : 0
    return quantity <= (waiting(pool).length > 0 ? Math.min(free, live) : free)
  })
  if (!fits) return 'short'
  for (const { pool, quantity } of wishes) {
    pool.holds[key] = { quantity, until }
    endOffer(pool, key, 'accepted')
  }
  return 'ok'
}

/** Ends the hold of a key in every pool that has one; `keep` says what becomes of it. */
function end(
  state: UnitState,
  keys: readonly string[],
  now: number,
  keep: (pool: UnitPool, hold: { quantity: number; until: number }) => boolean,
  becomes: string,
) {
  const found: [string, string, number][] = []
  for (const [thing, pool] of Object.entries(state)) {
    if (!keys.some((key) => pool.holds[key])) continue
    advance(pool, now)
    for (const key of keys) {
      const hold = pool.holds[key]
      if (!hold) continue
      delete pool.holds[key]
      if (keep(pool, hold)) found.push([key, thing, hold.quantity])
      endOffer(pool, key, becomes)
    }
    advance(pool, now)
  }
  return found
}

function settle(state: UnitState, key: string, quantity: number, now: number): Outcome {
  const pools = Object.values(state).filter((pool) => pool.holds[key])
  for (const pool of pools) advance(pool, now)
  if (pools.length === 0 || pools.some((pool) => !pool.holds[key] || pool.holds[key].until <= now))
    return 'gone'
  const short = pools.some((pool) => {
    const own = pool.holds[key]!.quantity
    return quantity > own && (waiting(pool).length > 0 || quantity > pool.onHand - held(pool, now, key))
  })
  if (short) return 'short'
  for (const pool of pools) {
    delete pool.holds[key]
    pool.onHand -= quantity
    pool.used += quantity
    endOffer(pool, key, quantity > 0 ? 'accepted' : 'declined')
    advance(pool, now)
  }
  return 'ok'
}

function join(pool: UnitPool, key: string, quantity: number, now: number): Outcome {
  advance(pool, now)
  if (!pool.line || pool.closes <= now) return 'error: waitlist_closed'
  const known = pool.line.find((entry) => entry.key === key)
  if (known && isOpen(known)) return known.state
  if ((pool.holds[key]?.until ?? now) > now) return 'error: already_held'
  pool.line = pool.line.filter((entry) => entry.key !== key)
  const entry = { key, quantity, state: 'waiting', offerUntil: null }
  pool.line.push(entry)
  advance(pool, now)
  return entry.state
}

function leave(pool: UnitPool, key: string, now: number): Outcome {
  advance(pool, now)
  const entry = pool.line?.find((candidate) => candidate.key === key && isOpen(candidate))
  if (!entry) return 'none'
  if (entry.state === 'offered') delete pool.holds[key]
  entry.state = entry.state === 'offered' ? 'declined' : 'left'
  const { state } = entry
  advance(pool, now)
  return state
}

function accept(pool: UnitPool, key: string, until: number, now: number): Outcome {
  advance(pool, now)
  const entry = pool.line?.find((candidate) => candidate.key === key)
  if (entry?.state !== 'offered') return 'error: offer_is_gone'
  entry.state = 'accepted'
  pool.holds[key] = { quantity: pool.holds[key]!.quantity, until }
  return 'ok'
}

/** Counted pools and quotas, with waitlists. */
export const units: Model<UnitState> = {
  step(state, operation, now) {
    const { key = '', keys = [], quantity = 0, until = 0, claims = [] } = operation
    const pool = state[operation.thing ?? '']!
    switch (operation.do) {
      case 'place':
        return place(state, key, until, claims, now)
      case 'commit':
        return rows(
          end(
            state,
            keys,
            now,
            (kept, hold) => {
              if (hold.until <= now) return false
              kept.onHand -= hold.quantity
              kept.used += hold.quantity
              return true
            },
            'accepted',
          ),
        )
      case 'release':
        return end(state, keys, now, (_, hold) => hold.until > now, 'declined').length
      case 'settle':
        return settle(state, key, quantity, now)
      case 'return units':
        if (quantity > pool.used) return 'error: nothing_to_return'
        pool.used -= quantity
        pool.onHand += quantity
        advance(pool, now)
        return 'ok'
      case 'limit':
        if (pool.isQuota) pool.onHand = quantity - pool.used
        else if (quantity < held(pool, now)) return 'short'
        else pool.onHand = quantity
        advance(pool, now)
        return 'ok'
      case 'join':
        return join(pool, key, quantity, now)
      case 'leave':
        return leave(pool, key, now)
      case 'accept':
        return accept(pool, key, until, now)
      default:
        throw new Error(`The model does not know ${(operation satisfies Operation).do}.`)
    }
  },
  view: (state, now) =>
    Object.fromEntries(
      Object.entries(state).map(([thing, pool]) => [
        thing,
        {
          onHand: pool.onHand,
          used: pool.used,
          holds: Object.fromEntries(
            Object.entries(pool.holds)
              .filter(([, hold]) => hold.until > now)
              .map(([key, { quantity, until }]) => [key, { quantity, until }]),
          ),
          line: (pool.line ?? []).map(({ key, state: entry }) => [key, entry]),
        },
      ]),
    ),
}
