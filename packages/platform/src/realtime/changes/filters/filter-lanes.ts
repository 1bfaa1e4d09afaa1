import type { AppError } from '../../../kernel/index.ts'
import type { RowChange } from '../../../tail/index.ts'
import { realtimeErrors } from '../../errors.ts'
import { type AnyAudience, filtersOf } from '../audience.ts'
import type { Matches } from '../change-messages.ts'
import type { CheckedTable } from '../check-changes.ts'
import { bytesOf } from '../stream-transaction.ts'
import type { FilterTask } from './evaluate-filters.ts'
import { filterFailure } from './filter-failure.ts'
import type { FilterRunner } from './filter-runner.ts'

export interface CheckedChange {
  readonly checked: CheckedTable
  readonly change: RowChange
}

/** A change that policies show to the audience, and what to do with it when its filters are known. */
export interface LaneItem extends CheckedChange {
  deliver(matches: Matches): void
}

/**
 * Evaluates filters with patterns beside the queue of deliveries: an audience that has one gets its changes in their
 * order, later than others when its filters take long.
 */
export interface FilterLanes {
  push(audience: AnyAudience, item: LaneItem): void
  /** Calls back when everything that the audience was given so far is delivered: at once when nothing waits. */
  after(audience: AnyAudience, callback: () => void): void
  isIdle(audience: AnyAudience): boolean
  /** Forgets what waits, for all. */
  clear(): void
}

export interface FilterLanesOptions {
  readonly runner: FilterRunner
  /** Bytes of changes that may wait for one audience. */
  readonly mostWaitingBytes: number
  /** The audience cannot go on: its filter raised, or takes too long. */
  end(audience: AnyAudience, error: AppError): void
  /** The database is away. */
  broken(audience: AnyAudience): void
}

/** Changes whose filters are evaluated together. */
const mostTogether = 200

interface Lane {
  readonly waiting: (LaneItem | (() => void))[]
  bytes: number
}

export function createFilterLanes(options: FilterLanesOptions): FilterLanes {
  const lanes = new Map<AnyAudience, Lane>()

  async function work(audience: AnyAudience, lane: Lane): Promise<void> {
    try {
      while (lane.waiting.length > 0 && lanes.get(audience) === lane) {
        const items = lane.waiting.splice(0, mostTogether)
        const matches = await evaluatePatterns(options.runner, audience, items.filter(isChange))
        if (lanes.get(audience) !== lane) return
        for (const item of items) {
          if (!isChange(item)) item()
          else {
            lane.bytes -= bytesOf(item.change)
            item.deliver(matches(item))
          }
        }
      }
    } catch (error) {
      if (lanes.get(audience) === lane) fail(audience, error)
    } finally {
      if (lanes.get(audience) === lane) lanes.delete(audience)
    }
  }

  function fail(audience: AnyAudience, error: unknown): void {
    lanes.delete(audience)
    try {
      options.end(audience, filterFailure(tableOf(audience), error))
    } catch {
      options.broken(audience)
    }
  }

  function laneOf(audience: AnyAudience): Lane {
    const known = lanes.get(audience)
    if (known) return known
    const lane: Lane = { waiting: [], bytes: 0 }
    lanes.set(audience, lane)
    // What one batch brings is evaluated together.
    setImmediate(work, audience, lane)
    return lane
  }

  return {
    push: (audience, item) => {
      const lane = laneOf(audience)
      lane.waiting.push(item)
      lane.bytes += bytesOf(item.change)
      if (lane.bytes <= options.mostWaitingBytes) return
      lanes.delete(audience)
      options.end(audience, realtimeErrors.filter_too_slow({ table: tableOf(audience) }))
    },
    after: (audience, callback) => {
      const lane = lanes.get(audience)
      if (lane) lane.waiting.push(callback)
      else callback()
    },
    isIdle: (audience) => !lanes.has(audience),
    clear: () => lanes.clear(),
  }
}

const isChange = (item: LaneItem | (() => void)): item is LaneItem => typeof item !== 'function'

function tableOf(audience: AnyAudience): string {
  if (audience.kind === 'watch') return `${audience.view.table.schema}.${audience.view.table.table}`
  const binding = audience.bindings.find(({ filter }) => filter?.cost === 'pattern') ?? audience.bindings[0]!
  return `${binding.schema}.${binding.table ?? '*'}`
}

/** Applies the audience's patterns to what it may see of the changes; the result answers for all of its filters. */
export async function evaluatePatterns(
  runner: FilterRunner,
  audience: AnyAudience,
  items: readonly CheckedChange[],
): Promise<(item: CheckedChange) => Matches> {
  const passing = new Map<CheckedTable, Map<string, ReadonlySet<number>>>()
  for (const [checked, of] of Map.groupBy(items, (item) => item.checked)) {
    const tasks = tasksOf(audience, checked, of)
    if (tasks.length === 0) continue
    const { table, images } = checked
    const { role } = audience.session.caller
    const sets = await runner.evaluate(audience.payer, { table, role, images: images.all, tasks })
    passing.set(checked, new Map(tasks.map(({ filter }, index) => [filter.text, sets[index]!])))
  }
  return ({ checked, change }) =>
    (filter, side) => {
      if (filter?.cost !== 'pattern') return checked.matches(filter, audience.session, change, side)
      const image = checked.images.indexOf(change, side)
      return image !== undefined && (passing.get(checked)?.get(filter.text)?.has(image) ?? false)
    }
}

function tasksOf(
  audience: AnyAudience,
  { table, images, sees }: CheckedTable,
  items: readonly CheckedChange[],
): readonly FilterTask[] {
  const picks = items.flatMap(({ change }) =>
    (['before', 'after'] as const)
      .filter((side) => sees(audience.session, change, side))
      .map((side) => images.indexOf(change, side)!),
  )
  const filters =
    audience.kind === 'watch'
      ? filtersOf(audience)
      : audience.bindings
          .filter((binding) => binding.schema === table.schema && binding.table === table.table)
          .map(({ filter }) => filter)
  const patterns = filters.filter((filter) => filter?.cost === 'pattern')
  const distinct = new Map(patterns.map((filter) => [filter!.text, filter!]))
  return picks.length === 0 ? [] : [...distinct.values()].map((filter) => ({ filter, picks }))
}
