import type { DisputeSeen } from './events.ts'
import { compareTexts, greatestText } from './greatest-text.ts'

/** A dispute as its events tell it: a dispute goes back and forth, so the latest word counts; what was seen only grows. */
export interface DisputeState {
  readonly provider: string
  readonly payment: string
  readonly seen: Readonly<Partial<Record<DisputeSeen['status'], true>>>
  readonly latest: Pick<DisputeSeen, 'at' | 'status' | 'amount' | 'currency' | 'withdrawn'>
}

const ranks: Readonly<Record<DisputeSeen['status'], number>> = {
  inquiry: 0,
  open: 1,
  closed: 2,
  won: 3,
  lost: 4,
}

export const noDispute: DisputeState = {
  provider: '',
  payment: '',
  seen: {},
  latest: { at: -1, status: 'inquiry', amount: 0, currency: '', withdrawn: false },
}

export const foldDispute = (state: DisputeState, event: DisputeSeen): DisputeState => {
  const { at, status, amount, currency, withdrawn } = event
  const latest = { at, status, amount, currency, withdrawn }
  return {
    provider: event.provider,
    payment: greatestText(event.payment, state.payment),
    seen: { ...state.seen, [status]: true },
    latest: compare(latest, state.latest) > 0 ? latest : state.latest,
  }
}

/** A total order. Providers give whole seconds; within one the more final word counts. */
const compare = (a: DisputeState['latest'], b: DisputeState['latest']): number =>
  a.at - b.at ||
  ranks[a.status] - ranks[b.status] ||
  a.amount - b.amount ||
  Number(a.withdrawn) - Number(b.withdrawn) ||
  compareTexts(a.currency, b.currency)

/** What the provider holds while it is undecided, in minor units. */
export const withheldBy = ({ latest }: DisputeState): number =>
  latest.withdrawn && (latest.status === 'open' || latest.status === 'inquiry') ? latest.amount : 0

/** What it has cost, in minor units. */
export const lostBy = ({ latest }: DisputeState): number => (latest.status === 'lost' ? latest.amount : 0)
