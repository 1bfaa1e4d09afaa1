import { randomUUID } from 'node:crypto'
import { type ScopedDatabase, type Statement, sql, translateSqlError } from '@plinth/platform/database'
import { type AppError, hasCode } from '@plinth/platform/kernel'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { readAlternatives, readZone } from '../availability/read-slots.ts'
import { instantOf, isZone, repeatAfter, wallClock } from '../availability/zone-clock.ts'
import { kroniumErrors } from '../errors.ts'
import { contains, Filter, pageOf, pageQuery, readPage, tagged, wantedTag } from '../rows/pages.ts'
import { booking, bookingStatus, contact, time } from '../rows/schemas.ts'
import { changeRow, insertRow, readRow, type Tagged } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })

export const listBookings = defineRoute({
  method: 'GET',
  path: '/bookings',
  summary: 'The bookings that the caller may see: own ones, assigned ones, all.',
  access: 'user',
  query: z.object({
    ...pageQuery,
    status: bookingStatus.optional(),
    from: time.optional(),
    to: time.optional(),
    serviceId: z.uuid().optional(),
    customerId: z.uuid().optional(),
    resourceId: z.uuid().optional(),
    seriesId: z.uuid().optional(),
    q: z.string().min(1).max(100).optional(),
    sort: z.enum(['date', '-date', 'createdAt', '-createdAt']).default('-date'),
  }),
  responses: { 200: pageOf(booking), 304: null },
  handle: async (context, { query: { page, limit, status, from, to, sort, q, ...ids } }) => {
    const filter = new Filter()
      .where('t.status = ?', status)
      .where('t.date >= ?::timestamptz', from)
      .where('t.date < ?::timestamptz', to)
      .where(`(t."serviceName" ilike ? or t."clientName" ilike ? or t."clientEmail" ilike ?)`, contains(q))
    for (const [name, id] of Object.entries(ids)) filter.where(`t."${name}" = ?`, id)
    const order = `t."${sort.replace('-', '')}" ${sort.startsWith('-') ? 'desc' : 'asc'}, t.id`
    return tagged(context, await readPage(context.db, { table: 'bookings', filter, order, page, limit }))
  },
})

export const showBooking = defineRoute({
  method: 'GET',
  path: '/bookings/:id',
  summary: 'A booking.',
  access: 'user',
  params,
  responses: { 200: booking, 304: null },
  handle: async (context, { params: { id } }) => {
    const { row, tag } = await readRow(context.db, 'bookings', id, kroniumErrors.unknown_booking)
    return tagged(context, row, tag)
  },
})

/** What a client says of a booking. */
export const wish = {
  date: time,
  timezone: z.string().max(64).optional(),
  location: z.string().max(2_000).nullable().optional(),
  notes: z.string().max(10_000).nullable().optional(),
  answers: z.record(z.string().max(100), z.unknown()).optional(),
  resourceId: z.uuid().optional(),
}

const repeat = z.object({
  unit: z.enum(['days', 'weeks', 'months']),
  every: z.int().min(1).max(52).default(1),
  /** The first one included. */
  count: z.int().min(2).max(52),
})

export const createBooking = defineRoute({
  method: 'POST',
  path: '/bookings',
  summary: 'Books a service, once or again and again: all of a series or none.',
  access: 'user',
  body: z.object({
    id: z.uuid().optional(),
    serviceId: z.uuid().optional(),
    serviceName: z.string().max(255).optional(),
    ...wish,
    clientName: contact.name.optional(),
    clientEmail: contact.email.optional(),
    clientPhone: contact.phone.optional(),
    customerId: z.uuid().nullable().optional(),
    status: z.enum(['pending', 'confirmed']).optional(),
    price: z.number().min(0).max(99_999_999.99).optional(),
    repeat: repeat.optional(),
  }),
  responses: {
    201: booking.extend({ series: z.array(booking).optional() }),
    200: booking.extend({ series: z.array(booking).optional() }),
  },
  handle: async (context, { body: { repeat: wanted, ...given } }) => {
    const { db, asService, clock } = context
    const service = asService('the provider’s zone and free slots are for everybody')
    // Nobody asks for the provider's zone when a time has its offset and is not repeated by the clock.
    const isPlain = hasOffset(given.date) && wanted === undefined
    const zone = isPlain ? 'UTC' : await readZone(service, given.serviceId)
    const at = instantIn(zone, given.date)
    const row = { ...given, date: new Date(at).toISOString() }
    try {
      if (wanted) return reply(201, await bookSeries(db, { row, at, zone, repeat: wanted }))
      const made = await insertRow(db, 'bookings', row)
      context.setHeader('etag', `"${made.tag}"`)
      return reply(made.isNew ? 201 : 200, made.row)
    } catch (error) {
      throw await withAlternatives(error, service, {
        service: given.serviceId,
        resource: given.resourceId,
        at,
        now: clock.now().getTime(),
        zone: given.timezone,
      })
    }
  },
})

const hasOffset = (text: string): boolean => /(Z|[+-]\d{2}:\d{2})$/.test(text)

export function instantIn(zone: string, text: string): number {
  try {
    return hasOffset(text) ? validInstant(text) : instantOf(zone, text)
  } catch (cause) {
    throw kroniumErrors.time_unfit({ date: text }, cause)
  }
}

function validInstant(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new RangeError(text)
  return at
}

interface Series {
  readonly row: Readonly<Record<string, unknown>>
  readonly at: number
  readonly zone: string
  readonly repeat: z.output<typeof repeat>
}

/** Bookings at the same wall-clock time of the provider, in one statement: all of them or none. */
async function bookSeries(db: ScopedDatabase, { row, at, zone, repeat: { unit, every, count } }: Series) {
  const seriesId = randomUUID()
  const rows = Array.from({ length: count }, (_, index) => ({
    ...row,
    id: index === 0 ? (row['id'] ?? randomUUID()) : randomUUID(),
    date: new Date(repeatAfter(zone, at, unit, index * every)).toISOString(),
    seriesId,
  }))
  const names = Object.entries(rows[0]!)
    .flatMap(([name, value]) => (value === undefined ? [] : [`"${name}"`]))
    .join(', ')
  const statement: Statement = {
    text: `insert into public.bookings as t (${names})
      select ${names} from jsonb_populate_recordset(null::public.bookings, $1) order by date returning to_jsonb(t) as row`,
    values: [JSON.stringify(rows)],
  }
  const made = (await db.query<{ row: { readonly date: string } }>(statement)).rows.map((each) => each.row)
  const series = made.toSorted((a, b) => a.date.localeCompare(b.date))
  return { ...series[0]!, series }
}

interface Wish {
  readonly service: string | undefined
  readonly resource: string | undefined
  readonly at: number
  readonly now: number
  /** In which the alternatives are shown. Default: the provider's. */
  readonly zone: string | undefined
}

const unavailable = ['slot_taken', 'closed_then', 'too_soon', 'too_far']

/** The refusal of a time, with the free times that are nearest to it (AT-6). */
export async function withAlternatives(
  error: unknown,
  service: ScopedDatabase,
  wanted: Wish,
): Promise<unknown> {
  const refusal = translateSqlError(error, kroniumErrors)
  if (wanted.service === undefined || !unavailable.some((code) => hasCode(refusal, code))) return error
  const { code, details } = refusal as AppError
  const found = await readAlternatives(service, { ...wanted, service: wanted.service }).catch(() => null)
  const zone = wanted.zone !== undefined && isZone(wanted.zone) ? wanted.zone : (found?.timezone ?? 'UTC')
  const alternatives = (found?.slots ?? []).map(({ from, until }) => ({
    date: new Date(from).toISOString(),
    endsAt: new Date(until).toISOString(),
    local: wallClock(zone, from),
  }))
  const make = kroniumErrors[code as keyof typeof kroniumErrors]
  return make({ ...details, alternatives }, error)
}

const change = z.object({
  date: time.optional(),
  status: bookingStatus.optional(),
  timezone: z.string().max(64).optional(),
  location: z.string().max(2_000).nullable().optional(),
  notes: z.string().max(10_000).nullable().optional(),
  answers: z.record(z.string().max(100), z.unknown()).optional(),
  clientName: contact.name.optional(),
  clientEmail: contact.email.nullable().optional(),
  clientPhone: contact.phone.nullable().optional(),
  price: z.number().min(0).max(99_999_999.99).optional(),
  cancelReason: z.string().max(500).optional(),
})

export const updateBooking = defineRoute({
  method: 'PUT',
  path: '/bookings/:id',
  summary: 'Moves a booking, changes its state or what is said of it.',
  access: 'user',
  params,
  body: change,
  responses: { 200: booking },
  handle: async (context, { params: { id }, body }) => {
    const { db, asService, clock, request } = context
    const service = asService('the provider’s zone and free slots are for everybody')
    const before =
      body.date === undefined ? undefined : await readRow(db, 'bookings', id, kroniumErrors.unknown_booking)
    const { serviceId, timezone } = (before?.row ?? {}) as { serviceId?: string; timezone?: string }
    const zone = body.date === undefined ? 'UTC' : await readZone(service, serviceId ?? undefined)
    const at = body.date === undefined ? 0 : instantIn(zone, body.date)
    const changes = body.date === undefined ? body : { ...body, date: new Date(at).toISOString() }
    try {
      const changed = await changeBooking(db, id, changes, wantedTag(request))
      context.setHeader('etag', `"${changed.tag}"`)
      return changed.row
    } catch (error) {
      if (body.date === undefined) throw error
      throw await withAlternatives(error, service, {
        service: serviceId ?? undefined,
        resource: undefined,
        at,
        now: clock.now().getTime(),
        zone: timezone ?? zone,
      })
    }
  },
})

const changeBooking = (
  db: ScopedDatabase,
  id: string,
  changes: Readonly<Record<string, unknown>>,
  tag: string | null,
): Promise<Tagged> =>
  changeRow(db, { table: 'bookings', id, changes, tag, missing: kroniumErrors.unknown_booking })

export const cancelBooking = defineRoute({
  method: 'DELETE',
  path: '/bookings/:id',
  summary: 'Cancels a booking; the row stays.',
  access: 'user',
  params,
  query: z.object({ reason: z.string().max(500).optional() }),
  responses: { 200: booking },
  handle: async ({ db, request }, { params: { id }, query: { reason } }) => {
    const changes = { status: 'cancelled', ...(reason === undefined ? {} : { cancelReason: reason }) }
    const current = await readRow(db, 'bookings', id, kroniumErrors.unknown_booking)
    // Cancelled twice is cancelled: a client that repeats its request is not told that it failed.
    if ((current.row as { status: string }).status === 'cancelled') return current.row
    return (await changeBooking(db, id, changes, wantedTag(request))).row
  },
})

export const cancelSeries = defineRoute({
  method: 'DELETE',
  path: '/bookings/series/:id',
  summary: 'Cancels what is to come of a series: all of it or none.',
  access: 'user',
  params,
  responses: { 200: z.object({ items: z.array(booking) }) },
  handle: async ({ db }, { params: { id } }) => {
    const { rows } = await db.query<{ row: never }>(sql`
      update public.bookings t set status = 'cancelled'
      where t."seriesId" = ${id} and t.status in ('pending', 'confirmed') and t.date > plinth.now() returning to_jsonb(t) as row`)
    if (rows.length === 0) throw kroniumErrors.unknown_booking({ id })
    return { items: rows.map(({ row }) => row) }
  },
})
