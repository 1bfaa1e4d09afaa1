import { joined, type OpeningHours, openingsOf } from './open-times.ts'
import { minute, type Span } from './zone-clock.ts'

/** Somebody or something that does one booking at a time. */
export interface Place {
  readonly id: string
  /** When it is not free: what bookings block, their own buffers included. Flat: from, until, from, until, … in any order. */
  readonly busy: readonly number[]
}

export interface SlotRules {
  /** Minutes. */
  readonly duration: number
  readonly bufferBefore: number
  readonly bufferAfter: number
  /** Minutes of the wall clock from one beginning to the next, counted from the opening. */
  readonly step: number
  /** No slot begins before this instant (now and the notice), or at or after the other (the horizon). */
  readonly earliest: number
  readonly latest: number
}

/** A time that can be booked, and who is free then, in the order of the pool. */
export interface Slot extends Span {
  readonly places: readonly string[]
}

/**
 * The free slots of a pool. It is open from the beginning of a slot to its end, and at least one place is free for it with
 * the buffers of the service around it: as `plinth.try_ranges` decides when it is booked.
 */
export function freeSlots(hours: OpeningHours, pool: readonly Place[], rules: SlotRules): Slot[] {
  const starts = startsOf(hours, rules)
  const busy = pool.map((place) => busyAt(starts, place.busy, rules))
  const slots: Slot[] = []
  for (let index = 0; index < starts.length; index += 1) {
    const places: string[] = []
    for (let place = 0; place < pool.length; place += 1)
      if (busy[place]![index] === 0) places.push(pool[place]!.id)
    const from = starts[index]!
    if (places.length > 0) slots.push({ from, until: from + rules.duration * minute, places })
  }
  return slots
}

/** In order, each once: hours may overlap. */
function startsOf(hours: OpeningHours, { duration, step, earliest, latest }: SlotRules): number[] {
  if (earliest >= latest) return []
  const length = duration * minute
  const openings = openingsOf(hours, { from: earliest, until: latest + length })
  const whole = joined(openings)
  const starts = new Set<number>()
  for (const { from, until, anchor } of openings.toSorted((a, b) => a.from - b.from)) {
    const first = anchor + Math.ceil((from - anchor) / (step * minute)) * step * minute
    const end = whole[indexAfter(whole, first)]?.until ?? until
    for (let start = first; start < until && start < latest && start + length <= end; start += step * minute)
      starts.add(start)
  }
  return [...starts].sort((a, b) => a - b)
}

/** Index of the span that ends after `at`. */
function indexAfter(spans: readonly Span[], at: number): number {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (spans[middle]!.until <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** For each start how many busy times are in its way: sums of a difference array, so the cost is that of two searches a booking. */
function busyAt(starts: readonly number[], busy: readonly number[], rules: SlotRules): Int32Array {
  const before = rules.bufferBefore * minute
  const after = (rules.duration + rules.bufferAfter) * minute
  const changes = new Int32Array(starts.length + 1)
  for (let index = 0; index < busy.length; index += 2) {
    // [s − before, s + after) meets [b, e) when b − after < s < e + before.
    const first = indexFrom(starts, busy[index]! - after + 1)
    const end = indexFrom(starts, busy[index + 1]! + before)
    if (first >= end) continue
    changes[first]! += 1
    changes[end]! -= 1
  }
  for (let index = 1; index < changes.length; index += 1) changes[index]! += changes[index - 1]!
  return changes
}

/** Index of the first start that is not before `at`. */
function indexFrom(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! < at) low = middle + 1
    else high = middle
  }
  return low
}
