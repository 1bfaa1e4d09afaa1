import type { RowChange } from '../../../tail/index.ts'
import { hasPatterns, type RowOutcome, type ViewOutcome, type WatchAudience } from '../audience.ts'
import type { Matches } from '../change-messages.ts'
import { type CheckContext, checkChanges } from '../check-changes.ts'
import { evaluatePatterns } from '../filters/filter-lanes.ts'
import type { FilterRunner } from '../filters/filter-runner.ts'
import type { KeptTransaction } from '../stream-transaction.ts'
import { outcomeOf } from './row-outcome.ts'

/** Transactions that are checked together, so that a long absence does not become one enormous question. */
const together = 200

/** What transactions did to the rows of one view, apart from the queue. Fails with what its policy or filter raises. */
export async function outcomesOf(
  context: CheckContext,
  runner: FilterRunner,
  audience: WatchAudience,
  transactions: readonly KeptTransaction[],
): Promise<readonly ViewOutcome[]> {
  const { table } = audience.view
  const only: CheckContext = { ...context, audiences: { find: () => [audience] } }
  const relevant = transactions
    .map((transaction) => ({
      transaction,
      changes: transaction.changes.filter(({ relation }) => relation.oid === table.oid),
    }))
    .filter(({ changes }) => changes.length > 0)
  const found: ViewOutcome[] = []
  for (let start = 0; start < relevant.length; start += together) {
    const some = relevant.slice(start, start + together)
    const changes = some.flatMap((of) => of.changes)
    const matching = await matchesOf(only, runner, audience, changes)
    for (const { transaction, changes: own } of some) {
      const outcomes = own
        .map((change) => outcomeOf(audience.view, change, matching(change)))
        .filter((outcome): outcome is RowOutcome => outcome !== undefined)
      found.push({ transaction, outcomes })
    }
  }
  return found
}

async function matchesOf(
  context: CheckContext,
  runner: FilterRunner,
  audience: WatchAudience,
  changes: readonly RowChange[],
): Promise<(change: RowChange) => Matches> {
  const checked = (await checkChanges(context, changes)).tableOf(changes[0]!)
  if (!checked) return () => () => false
  const failure = checked.failure(audience)
  if (failure) throw failure
  if (!hasPatterns(audience))
    return (change) => (filter, side) => checked.matches(filter, audience.session, change, side)
  const items = changes.map((change) => ({ checked, change }))
  const matching = await evaluatePatterns(runner, audience, items)
  return (change) => matching({ checked, change })
}
