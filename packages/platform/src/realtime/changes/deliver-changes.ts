import type { AppError } from '../../kernel/index.ts'
import type { RowChange } from '../../tail/index.ts'
import type { ServerMessage } from '../protocol/server-message.ts'
import {
  type AnyAudience,
  type Audiences,
  type BindingAudience,
  hasPatterns,
  type Member,
  type RowOutcome,
  type WatchAudience,
} from './audience.ts'
import { buildChangeMessages, type ChangeMessages, type Matches } from './change-messages.ts'
import type { CheckedBatch, CheckedTable } from './check-changes.ts'
import { createFilterLanes, type FilterLanes } from './filters/filter-lanes.ts'
import type { FilterRunner } from './filters/filter-runner.ts'
import type { StreamTransaction } from './stream-transaction.ts'
import type { Copies } from './watch/keep-copies.ts'
import { outcomeOf } from './watch/row-outcome.ts'

/** Hands checked changes to the audiences that they concern. */
export interface Delivery {
  /** Delivers some changes of a transaction. */
  tell(transaction: StreamTransaction, changes: readonly RowChange[], checked: CheckedBatch): void
  /** The transaction's last changes were delivered: watched copies get theirs all at once. */
  finish(transaction: StreamTransaction): void
  /** True when nothing waits for the audience's filters. */
  isIdle(audience: AnyAudience): boolean
  /** Calls back when everything that the audience was told so far has reached it. */
  after(audience: AnyAudience, callback: () => void): void
  /** Everyone is told to start over. */
  broken(): void
}

/** Bytes of changes that may wait for the filters of one audience. */
const mostWaitingBytes = 16 * 1024 * 1024
/** Rows of a view that one transaction may change; beyond it its copies are read anew. */
const mostOutcomes = 20_000

export function createDelivery(audiences: Audiences, runner: FilterRunner, copies: Copies): Delivery {
  const lanes: FilterLanes = createFilterLanes({ runner, mostWaitingBytes, end, broken: breakOff })
  /** What the transaction did so far to the rows of a view; with patterns, what it will have done. */
  let outcomes = new Map<WatchAudience, RowOutcome[]>()

  /** Tells at once, or beside the queue when a pattern has to be evaluated. */
  function tellOne(
    audience: AnyAudience,
    change: RowChange,
    of: CheckedTable,
    tell: (matches: Matches) => void,
  ): void {
    const { session } = audience
    if (!hasPatterns(audience)) tell((filter, side) => of.matches(filter, session, change, side))
    // What goes out of a watched view need not be visible any more.
    else if (
      audience.kind === 'watch' ||
      of.sees(session, change, 'after') ||
      of.sees(session, change, 'before')
    )
      lanes.push(audience, { checked: of, change, deliver: tell })
  }

  function tellWatch(audience: WatchAudience, change: RowChange, of: CheckedTable): void {
    const made = outcomes.get(audience) ?? []
    outcomes.set(audience, made)
    if (made.length >= mostOutcomes) breakOff(audience)
    else
      tellOne(audience, change, of, (matches) => {
        const outcome = outcomeOf(audience.view, change, matches)
        if (outcome) made.push(outcome)
      })
  }

  /** Ends a subscription whose policy or filter failed; everyone else goes on. */
  function end(audience: AnyAudience, reason: AppError): void {
    for (const { listener } of dissolve(audience)) listener.subscriptionEnded(reason)
  }

  function dissolve(audience: AnyAudience): readonly Member[] {
    const members: readonly Member[] = [...audience.members]
    audience.members.clear()
    audiences.release(audience)
    return members
  }

  function breakOff(audience: AnyAudience): void {
    for (const { listener } of dissolve(audience)) listener.subscriptionBroken()
  }

  return {
    tell: (transaction, changes, checked) => {
      for (const change of changes) {
        const of = checked.tableOf(change)
        if (!of) continue
        const messages = buildChangeMessages(of, transaction, change)
        for (const audience of of.audiences) {
          const failure = of.failure(audience)
          if (failure) end(audience, failure)
          else if (audience.kind === 'watch') tellWatch(audience, change, of)
          else
            tellOne(audience, change, of, (matches) =>
              tellBindings(audience, transaction.sequence, messages, matches),
            )
        }
      }
    },
    finish: (transaction) => {
      const made = outcomes
      outcomes = new Map()
      for (const [audience, of] of made) {
        lanes.after(audience, () => {
          if (of.length > 0) copies.deliver(audience, { transaction, outcomes: of })
        })
      }
    },
    isIdle: lanes.isIdle,
    after: lanes.after,
    broken: () => {
      lanes.clear()
      outcomes = new Map()
      for (const audience of [...audiences.all()]) breakOff(audience)
    },
  }
}

function tellBindings(
  audience: BindingAudience,
  sequence: number,
  messages: ChangeMessages,
  matches: Matches,
): void {
  let message: ServerMessage | undefined
  for (const member of audience.members) {
    if (sequence <= member.since || sequence > member.until) continue
    message ??= messages.forBindings(audience, matches)
    if (!message) return
    member.listener.send(message)
  }
}
