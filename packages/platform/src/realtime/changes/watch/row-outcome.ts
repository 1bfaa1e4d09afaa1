import type { RowChange } from '../../../tail/index.ts'
import type { RowOutcome } from '../audience.ts'
import type { Matches } from '../change-messages.ts'
import { rowJson } from '../row-values.ts'
import type { ToldKeys } from './told-keys.ts'
import type { WatchView } from './watch-view.ts'

/** Undefined for a change that cannot concern any copy. */
export function outcomeOf(view: WatchView, change: RowChange, matches: Matches): RowOutcome | undefined {
  const isShown = change.after !== null && matches(view.filter, 'after')
  const before = change.before && rowJson(view.key, change.before)
  if (!isShown && before === null) return undefined
  const after = isShown
    ? { key: rowJson(view.key, change.after!), row: rowJson(view.columns, change.after!) }
    : null
  return { before, after }
}

/** What copies are told of a transaction: JSON objects, in order. */
export function applyOutcomes(
  outcomes: readonly RowOutcome[],
  keys: ToldKeys,
  sequence: number,
): readonly string[] {
  keys.appliedUpTo = Math.max(keys.appliedUpTo, sequence)
  return outcomes.flatMap((outcome) => applyOutcome(outcome, keys, sequence))
}

function applyOutcome({ before, after }: RowOutcome, keys: ToldKeys, sequence: number): readonly string[] {
  const wasHeld = before !== null && keys.isHeld(before)
  const operations = operationsOf({ before, after }, wasHeld)
  if (wasHeld && before !== after?.key) keys.remove(before, sequence)
  if (after) keys.add(after.key)
  return operations
}

/**
 * What one copy is told that is behind what was applied, transaction by transaction. What was removed meanwhile may still
 * be in it. What it holds in the end is held from now on, also where it was hidden when it was applied.
 */
export function replayOutcomes(
  transactions: readonly (readonly RowOutcome[])[],
  keys: ToldKeys,
): readonly (readonly string[])[] {
  const shown = new Map<string, boolean>()
  const told = transactions.map((outcomes) =>
    outcomes.flatMap(({ before, after }) => {
      const wasHeld = before !== null && (shown.get(before) ?? keys.mayBeHeld(before))
      if (before !== null) shown.set(before, false)
      if (after) shown.set(after.key, true)
      return operationsOf({ before, after }, wasHeld)
    }),
  )
  for (const [key, isShown] of shown) if (isShown) keys.add(key)
  return told
}

function operationsOf({ before, after }: RowOutcome, wasHeld: boolean): readonly string[] {
  const removed = wasHeld && before !== after?.key ? [`{"remove":${before}}`] : []
  if (!after) return removed
  const kind = wasHeld && before === after.key ? 'update' : 'insert'
  return [...removed, `{"${kind}":${after.row}}`]
}
