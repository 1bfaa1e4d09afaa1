/** When people are told: a figure beyond a bound for a while. */
export interface AlertRule {
  /** kebab-case, unique in a project. */
  readonly name: string
  /** What is wrong while it is open, for people. */
  readonly summary: string
  /** Default warning. */
  readonly severity?: 'warning' | 'critical'
  /** Name of a figure, `health.<part>` (0 ok, 1 degraded, 2 down) or `health.<part>.milliseconds`. */
  readonly figure: string
  /** It is beyond the bound above this; or below that. One of the two. */
  readonly above?: number
  readonly below?: number
  /** For so long it has to be beyond the bound, without a break, before people are told. Default 0. */
  readonly forSeconds?: number
  /** For so long it has to be within the bound before the alert ends. Default: as `forSeconds`. */
  readonly endsAfterSeconds?: number
}

export interface RuleState {
  readonly isOpen: boolean
  /** Milliseconds; null when the figure is where the state says that it is. */
  readonly beyondSince: number | null
  readonly withinSince: number | null
}

export type RuleStep = RuleState & { readonly event: 'began' | 'ended' | null }

const isBeyond = ({ above, below }: AlertRule, value: number): boolean =>
  (above !== undefined && value > above) || (below !== undefined && value < below)

/** What one more look at the figure does. A figure that is not there changes nothing: it is neither well nor ill. */
export function stepRule(rule: AlertRule, state: RuleState, value: number | null, now: number): RuleStep {
  if (value === null) return { ...state, event: null }
  const { forSeconds = 0, endsAfterSeconds = forSeconds } = rule
  const beyond = isBeyond(rule, value)
  if (beyond === state.isOpen)
    return { isOpen: state.isOpen, beyondSince: null, withinSince: null, event: null }
  const since = (state.isOpen ? state.withinSince : state.beyondSince) ?? now
  const needed = (state.isOpen ? endsAfterSeconds : forSeconds) * 1000
  if (now - since >= needed)
    return { isOpen: beyond, beyondSince: null, withinSince: null, event: beyond ? 'began' : 'ended' }
  return beyond
    ? { isOpen: false, beyondSince: since, withinSince: null, event: null }
    : { isOpen: true, beyondSince: null, withinSince: since, event: null }
}
