import type { Random } from '@plinth/testing'

/** One thing that happens to an account of credits. */
export type CreditEvent =
  /** A lot gets a size: a period begins, a purchase is paid, given back in part, disputed (0), won. */
  | {
      readonly kind: 'lot'
      readonly key: string
      readonly size: number
      readonly expiresAt: number
      readonly rank: 0 | 10
    }
  | { readonly kind: 'burn'; readonly key: string; readonly credits: number }
  | { readonly kind: 'return'; readonly key: string }
  | { readonly kind: 'wait'; readonly hours: number }

interface Lot {
  readonly key: string
  size: number
  taken: number
  readonly expiresAt: number
  readonly rank: number
  readonly order: number
}

/** What an account has to be after some events, told plainly (AT-19). Times are hours from the start. */
export class CreditOracle {
  now = 0
  readonly #lots: Lot[] = []
  readonly #burns = new Map<string, { lot: Lot; credits: number }[]>()

  get owed(): number {
    return this.#lots.reduce((sum, { taken, size }) => sum + Math.max(0, taken - size), 0)
  }

  get spendable(): number {
    const free = this.#usable().reduce((sum, { size, taken }) => sum + Math.max(0, size - taken), 0)
    return Math.max(0, free - this.owed)
  }

  /** True when it takes place. */
  apply(event: CreditEvent): boolean {
    if (event.kind === 'wait') this.now += event.hours
    else if (event.kind === 'lot') this.#setLot(event)
    else if (event.kind === 'burn') return this.#burn(event)
    else {
      for (const { lot, credits } of this.#burns.get(event.key) ?? []) lot.taken -= credits
      if (this.#burns.has(event.key)) this.#burns.set(event.key, [])
    }
    return true
  }

  #usable(): Lot[] {
    return this.#lots
      .filter(({ expiresAt }) => expiresAt > this.now)
      .sort((a, b) => a.expiresAt - b.expiresAt || a.rank - b.rank || a.order - b.order)
  }

  #setLot({ key, size, expiresAt, rank }: Extract<CreditEvent, { kind: 'lot' }>): void {
    const known = this.#lots.find((lot) => lot.key === key)
    if (known) known.size = size
    else this.#lots.push({ key, size, taken: 0, expiresAt, rank, order: this.#lots.length })
  }

  #burn({ key, credits }: Extract<CreditEvent, { kind: 'burn' }>): boolean {
    if (this.#burns.has(key)) return true
    if (credits > this.spendable) return false
    const cited: { lot: Lot; credits: number }[] = []
    let left = credits
    for (const lot of this.#usable()) {
      const part = Math.min(left, Math.max(0, lot.size - lot.taken))
      if (part === 0) continue
      lot.taken += part
      left -= part
      cited.push({ lot, credits: part })
    }
    this.#burns.set(key, cited)
    return true
  }
}

/** A random life of an account: lots that come, shrink and grow again, burns that succeed or not, some taken back, time. */
export function randomHistory(random: Random, length: number): CreditEvent[] {
  const lots = new Map<string, { expiresAt: number; rank: 0 | 10 }>()
  let now = 0
  const event = (): CreditEvent => {
    const dice = random(10)
    if (dice < 3) {
      const key = `lot ${random(5)}`
      const known = lots.get(key) ?? {
        expiresAt: random(2) === 0 ? Number.POSITIVE_INFINITY : now + 1 + random(6) * 24,
        rank: random(2) === 0 ? (0 as const) : (10 as const),
      }
      lots.set(key, known)
      return { kind: 'lot', key, size: random(4) === 0 ? 0 : random(60), ...known }
    }
    if (dice < 7) return { kind: 'burn', key: `burn ${random(12)}`, credits: 1 + random(40) }
    if (dice < 8) return { kind: 'return', key: `burn ${random(12)}` }
    const hours = 1 + random(30)
    now += hours
    return { kind: 'wait', hours }
  }
  return Array.from({ length }, event)
}
