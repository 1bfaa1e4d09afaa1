import type { ScopedDatabase } from '@plinth/platform/database'
import { z } from 'zod'
import { readSlots, readZone, type SlotsFound } from '../availability/read-slots.ts'
import { day, instantOf, isZone, wallClock } from '../availability/zone-clock.ts'
import { kroniumErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'

/** Days that have a day after them in every calendar that reads them. */
const date = z.iso.date().refine((text) => text >= '1970-01-01' && text < '3000-01-01', 'from 1970 to 2999')

export const slotsQuery = z.object({
  /** Days of the shown zone, both inside. Default: today and the six days after. */
  from: date.optional(),
  to: date.optional(),
  zone: z.string().max(64).optional(),
  resourceId: z.uuid().optional(),
})

export const slotsAnswer = z.object({
  serviceId: z.uuid(),
  timezone: z.string(),
  zone: z.string(),
  duration: z.int(),
  slots: z.array(
    z.object({
      date: z.string(),
      endsAt: z.string(),
      local: z.string(),
      provider: z.string(),
      free: z.int(),
      resources: z.array(z.uuid()),
    }),
  ),
})

/** Days that one question may be about. */
const mostDays = 62

interface SlotsQuestion {
  readonly query: z.output<typeof slotsQuery>
  readonly now: Date
}

/** The time that a question is about. Fails with `unknown_zone`. */
function rangeOf(zone: string, { query, now }: SlotsQuestion) {
  if (!isZone(zone)) throw kroniumErrors.unknown_zone({ timezone: zone })
  const first = query.from ?? wallClock(zone, now.getTime()).slice(0, 10)
  const from = instantOf(zone, `${first}T00:00`)
  const last = query.to ?? new Date(Date.parse(first) + 6 * day).toISOString().slice(0, 10)
  const after = new Date(Date.parse(last) + day).toISOString().slice(0, 10)
  const until = Math.min(instantOf(zone, `${after}T00:00`), from + mostDays * day)
  return { from, until }
}

/** Slots as a client sees them: instants, what their wall clock shows, and what the provider's does. */
const showSlots = (id: string, zone: string, { timezone, duration, slots, named }: SlotsFound) => ({
  serviceId: id,
  timezone,
  zone,
  duration,
  slots: slots.map(({ from, until, places }) => ({
    date: new Date(from).toISOString(),
    endsAt: new Date(until).toISOString(),
    local: wallClock(zone, from),
    provider: wallClock(timezone, from),
    free: places.length,
    resources: places.filter((place) => named.has(place)),
  })),
})

/** Answers a question for free slots. Fails with `unknown_zone` or `unknown_service`. */
export async function answerSlots(service: ScopedDatabase, id: string, question: SlotsQuestion) {
  const { query, now } = question
  const zone = query.zone ?? (await readZone(service, id))
  const range = rangeOf(zone, question)
  const wanted = { service: id, resource: query.resourceId, ...range, now: now.getTime() }
  return showSlots(id, zone, await readSlots(service, wanted))
}

export const listSlots = defineRoute({
  method: 'GET',
  path: '/services/:id/slots',
  summary: 'The free slots of a service, shown in a zone of the client’s.',
  access: 'public',
  params: z.object({ id: z.uuid() }),
  query: slotsQuery,
  responses: { 200: slotsAnswer },
  handle: ({ asService, clock }, { params: { id }, query }) =>
    answerSlots(asService('free slots are shown to everybody'), id, { query, now: clock.now() }),
})
