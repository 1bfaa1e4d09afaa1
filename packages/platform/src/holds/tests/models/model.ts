/** What is asked of the engine in a history; times are minutes after noon. */
export interface Operation {
  readonly do: string
  readonly kind: string
  readonly key?: string
  readonly keys?: readonly string[]
  readonly thing?: string
  readonly quantity?: number
  readonly until?: number
  readonly rank?: number
  readonly revoked?: boolean
  readonly claims?: readonly ModelClaim[]
}

export interface ModelClaim {
  readonly thing: string
  readonly quantity?: number
  readonly during?: readonly [number, number]
}

/** `ok`, `short`, `gone`, a state, `error: code`, a count, or rows `[key, thing, quantity]`. */
export type Outcome = string | number | readonly (readonly [string, string, number])[]

/** What one kind of pool is to do, one operation after the other. `step` may change the state it is given. */
export interface Model<State> {
  step(state: State, operation: Operation, now: number): Outcome
  /** What is left of the state at an instant, to compare with the database. */
  view(state: State, now: number): unknown
}

/** What follows a state: an error has undone whatever came before it. */
export function follow<State>(model: Model<State>, state: State, operation: Operation, now: number) {
  const next = structuredClone(state)
  const outcome = model.step(next, operation, now)
  return { outcome, state: String(outcome).startsWith('error: ') ? state : next }
}

/** Sorted as SQL answers them. */
export const rows = (found: readonly (readonly [string, string, number])[]): Outcome =>
  [...found].sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1))
