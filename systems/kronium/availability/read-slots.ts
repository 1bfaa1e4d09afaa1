import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { kroniumErrors } from '../errors.ts'
import { freeSlots, type Place, type Slot } from './free-slots.ts'
import type { Hours, OpeningHours } from './open-times.ts'
import { day, minute } from './zone-clock.ts'

interface Answer {
  readonly service: {
    readonly id: string
    readonly title: string
    readonly duration: number
    readonly bufferBefore: number
    readonly bufferAfter: number
    readonly slotStep: number
    readonly minimumNotice: number
    readonly horizon: number
    readonly isActive: boolean
  }
  readonly timezone: string
  readonly weekly: OpeningHours['weekly']
  readonly overrides: readonly {
    readonly date: string
    readonly opens: number | null
    readonly closes: number | null
  }[]
  readonly holidays: readonly string[]
  readonly places: readonly {
    readonly id: string
    readonly named: boolean
    readonly busy: readonly (readonly [number, number])[]
  }[]
}

export interface SlotsWanted {
  readonly service: string
  /** Only those of this member of the pool. */
  readonly resource?: string | undefined
  /** Milliseconds since 1970; slots begin from the one up to the other. */
  readonly from: number
  readonly until: number
  readonly now: number
  /** The staff books outside notice and horizon. Default false. */
  readonly byStaff?: boolean
}

export interface SlotsFound {
  /** Zone of the provider. */
  readonly timezone: string
  readonly duration: number
  readonly slots: readonly Slot[]
  /** Members of the pool that one may ask for by name. */
  readonly named: ReadonlySet<string>
}

/** Blocks that begin before the time or end after it and still matter: buffers and durations are a day each at most. */
const margin = 3 * day

/** The free slots of a service, as of now. Fails with `unknown_service`. */
export async function readSlots(service: ScopedDatabase, wanted: SlotsWanted): Promise<SlotsFound> {
  const { from, until, now, byStaff = false } = wanted
  const answer = await readAnswer(service, wanted)
  const rules = answer.service
  const slots = freeSlots(hoursOf(answer), answer.places.map(placeOf), {
    duration: rules.duration,
    bufferBefore: rules.bufferBefore,
    bufferAfter: rules.bufferAfter,
    step: rules.slotStep,
    earliest: Math.ceil(Math.max(from, now + (byStaff ? 0 : rules.minimumNotice * minute)) / minute) * minute,
    latest: byStaff ? until : Math.min(until, now + rules.horizon * day),
  })
  const named = new Set(answer.places.flatMap((place) => (place.named ? [place.id] : [])))
  return { timezone: answer.timezone, duration: rules.duration, slots, named }
}

async function readAnswer(
  service: ScopedDatabase,
  { service: id, resource, from, until }: SlotsWanted,
): Promise<Answer> {
  const { rows } = await service.query<{ answer: Answer | null }>(
    sql`select private.availability_of(${id}, ${new Date(from - margin)}, ${new Date(until + margin)}, ${resource ?? null}) as answer`,
    { readOnly: true },
  )
  const answer = rows[0]?.answer
  if (!answer?.service.isActive) throw kroniumErrors.unknown_service({ id })
  return answer
}

/** The zone of the provider of a service, or of the default schedule. */
export async function readZone(service: ScopedDatabase, id: string | undefined): Promise<string> {
  const { rows } = await service.query<{ timezone: string }>(
    sql`select c.timezone from public.schedules c
        where c.id = (select s."scheduleId" from public.services s where s.id = ${id ?? null}) or c."isDefault"
        order by c."isDefault" limit 1`,
    { readOnly: true },
  )
  return rows[0]?.timezone ?? 'UTC'
}

function hoursOf({ timezone, weekly, overrides, holidays }: Answer): OpeningHours {
  const byDate = new Map<string, Hours[]>()
  for (const { date, opens, closes } of overrides) {
    const hours = byDate.get(date) ?? []
    byDate.set(date, hours)
    if (opens !== null && closes !== null) hours.push({ opens, closes })
  }
  return { zone: timezone, weekly, overrides: byDate, holidays: new Set(holidays) }
}

const placeOf = ({ id, busy }: Answer['places'][number]): Place => ({
  id,
  busy: busy.flatMap(([from, until]) => [from * 1000, until * 1000]),
})

/** Questions for alternatives that are being answered: of a hundred who miss one slot all want to know the same. */
const asked = new Map<string, Promise<SlotsFound>>()

/** The free slots nearest to a time that cannot be had: what a refusal offers instead. */
export function readAlternatives(
  service: ScopedDatabase,
  wanted: Omit<SlotsWanted, 'from' | 'until'> & { readonly at: number },
  most = 5,
): Promise<SlotsFound> {
  const key = `${wanted.service} ${wanted.resource} ${wanted.at}`
  const open = asked.get(key)
  if (open !== undefined) return open
  const answer = nearest(service, wanted, most).finally(() => asked.delete(key))
  asked.set(key, answer)
  return answer
}

async function nearest(
  service: ScopedDatabase,
  wanted: Parameters<typeof readAlternatives>[1],
  most: number,
) {
  const week = 7 * day
  const { at } = wanted
  const found = await readSlots(service, { ...wanted, from: at - week, until: at + week })
  const slots = found.slots
    .toSorted((a, b) => Math.abs(a.from - at) - Math.abs(b.from - at) || a.from - b.from)
    .slice(0, most)
  return { ...found, slots }
}
