import type { Place, Slot, SlotRules } from './free-slots.ts'
import type { Hours, OpeningHours } from './open-times.ts'

/**
 * The same question answered the slow way, minute by minute, by what `Intl.DateTimeFormat` says that the wall clock shows:
 * nothing in it knows of offsets, transitions or sums. The engine is compared with it.
 */
export function slotsByOracle(hours: OpeningHours, pool: readonly Place[], rules: SlotRules): Slot[] {
  const clock = clockOf(hours.zone)
  const slots: Slot[] = []
  for (let at = rules.earliest; at < rules.latest; at += 60_000) {
    if (!begins(hours, clock(at), rules.step)) continue
    const until = at + rules.duration * 60_000
    let isOpen = true
    for (let each = at; each < until && isOpen; each += 60_000)
      isOpen = hoursAt(hours, clock(each)).length > 0
    if (!isOpen) continue
    const places = pool.filter((place) => isFree(place, at, until, rules)).map(({ id }) => id)
    if (places.length > 0) slots.push({ from: at, until, places })
  }
  return slots
}

const begins = (hours: OpeningHours, shown: Shown, step: number): boolean =>
  hoursAt(hours, shown).some(({ opens }) => (shown.minute - opens) % step === 0)

function isFree({ busy }: Place, from: number, until: number, rules: SlotRules): boolean {
  const blocks = { from: from - rules.bufferBefore * 60_000, until: until + rules.bufferAfter * 60_000 }
  for (let index = 0; index < busy.length; index += 2)
    if (busy[index]! < blocks.until && blocks.from < busy[index + 1]!) return false
  return true
}

export interface Shown {
  readonly date: string
  readonly weekday: number
  readonly minute: number
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** What the wall clock of a zone shows. */
export function clockOf(zone: string): (at: number) => Shown {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  const remembered = new Map<number, Shown>()
  return (at) => {
    const found = remembered.get(at)
    if (found) return found
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const shown = {
      date: `${parts['year']}-${parts['month']}-${parts['day']}`,
      weekday: weekdays.indexOf(parts['weekday']!) + 1,
      minute: Number(parts['hour']) * 60 + Number(parts['minute']),
    }
    remembered.set(at, shown)
    return shown
  }
}

function hoursAt(
  { weekly, overrides, holidays }: OpeningHours,
  { date, weekday, minute }: Shown,
): readonly Hours[] {
  const covers = ({ opens, closes }: Hours) => opens <= minute && minute < closes
  const override = overrides.get(date)
  if (override) return override.filter(covers)
  return holidays.has(date) ? [] : weekly.filter((hours) => hours.weekday === weekday && covers(hours))
}
