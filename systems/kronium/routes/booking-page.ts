import { type ScopedDatabase, sql, type Transaction } from '@plinth/platform/database'
import { type RouteContext, reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { readZone } from '../availability/read-slots.ts'
import type { BookingLinks } from '../capabilities/booking-links.ts'
import { kroniumErrors } from '../errors.ts'
import { booking, contact, time } from '../rows/schemas.ts'
import { defineRoute } from '../uses.ts'
import { instantIn, wish, withAlternatives } from './bookings.ts'
import { answerSlots, slotsAnswer, slotsQuery } from './slots.ts'

/** What strangers see of a service: what they need to book it, and nothing of who else did. */
const offered = z.object({
  id: z.uuid(),
  title: z.string(),
  description: z.string(),
  category: z.string(),
  price: z.number(),
  currency: z.string(),
  duration: z.int(),
  imageUrl: z.string().nullable(),
  videoUrl: z.string().nullable(),
  media: z.array(z.unknown()),
  cancellationWindow: z.int(),
  depositPercent: z.number(),
  questions: z.array(z.unknown()),
  timezone: z.string(),
  resources: z.array(z.object({ id: z.uuid(), name: z.string() })),
})

const readOffers = async (db: ScopedDatabase, id: string | null) =>
  (
    await db.query<{ offer: z.output<typeof offered> }>(
      sql`select jsonb_build_object('id', s.id, 'title', s.title, 'description', s.description, 'category', s.category, 'price', s.price,
        'currency', s.currency, 'duration', s.duration, 'imageUrl', s."imageUrl", 'videoUrl', s."videoUrl", 'media', s.media,
        'cancellationWindow', s."cancellationWindow", 'depositPercent', s."depositPercent", 'questions', s.questions, 'timezone', c.timezone,
        'resources', coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) order by sr.rank, r.id)
          from public.service_resources sr join public.resources r on r.id = sr."resourceId" where sr."serviceId" = s.id), '[]')) as offer
      from public.services s
      join public.schedules c on c.id = s."scheduleId" or s."scheduleId" is null and c."isDefault"
      where s."isActive" and (${id}::uuid is null or s.id = ${id}) order by s.title, s.id limit 500`,
      { readOnly: true },
    )
  ).rows.map(({ offer }) => offer)

export const showBookingPage = defineRoute({
  method: 'GET',
  path: '/book',
  summary: 'What can be booked, for a page that anybody sees.',
  access: 'public',
  responses: { 200: z.object({ services: z.array(offered) }) },
  handle: async ({ db }) => ({ services: await readOffers(db, null) }),
})

const params = z.object({ id: z.uuid() })

export const showOffer = defineRoute({
  method: 'GET',
  path: '/book/:id',
  summary: 'A service with its questions and who does it, for a page that anybody sees.',
  access: 'public',
  params,
  responses: { 200: offered },
  handle: async ({ db }, { params: { id } }) => {
    const [offer] = await readOffers(db, id)
    if (!offer) throw kroniumErrors.unknown_service({ id })
    return offer
  },
})

export const showOfferedSlots = defineRoute({
  method: 'GET',
  path: '/book/:id/slots',
  summary: 'The free slots of a service, in the zone of whoever looks.',
  access: 'public',
  params,
  query: slotsQuery,
  responses: { 200: slotsAnswer },
  handle: ({ asService, clock }, { params: { id }, query }) =>
    answerSlots(asService('free slots are shown to everybody'), id, { query, now: clock.now() }),
})

/** What somebody with the link of a booking sees of it. */
const held = booking
  .omit({ customerId: true, terms: true, seriesId: true })
  .extend({ link: z.string(), token: z.string() })

export const bookAsGuest = defineRoute({
  method: 'POST',
  path: '/book/:id',
  summary:
    'Books without an account; the link in the answer, and in the mail, changes and cancels the booking.',
  access: 'public',
  limit: { calls: 20, seconds: 3_600, per: 'address' },
  params,
  body: z.object({
    ...wish,
    clientName: contact.name.min(1),
    clientEmail: contact.email,
    clientPhone: contact.phone.optional(),
  }),
  responses: { 201: held },
  handle: async ({ asService, clock, links }, { params: { id }, body }) => {
    const service = asService('somebody without an account books')
    const zone = await readZone(service, id)
    const at = instantIn(zone, body.date)
    const row = { ...body, date: new Date(at).toISOString(), serviceId: id, customerId: null }
    try {
      const made = await asClient(service, ({ query }) =>
        query<{ row: never }>(sql`
          insert into public.bookings as t ("serviceId", "customerId", "clientName", "clientEmail", "clientPhone", date, timezone, location, notes, answers, "resourceId")
          select g."serviceId", null, g."clientName", g."clientEmail", g."clientPhone", g.date, g.timezone, g.location, g.notes, coalesce(g.answers, '{}'), g."resourceId"
          from jsonb_populate_record(null::public.bookings, ${JSON.stringify(row)}) g returning to_jsonb(t) as row`),
      )
      return reply(201, withLink(made.rows[0]!.row, links))
    } catch (error) {
      throw await withAlternatives(error, service, {
        service: id,
        resource: body.resourceId,
        at,
        now: clock.now().getTime(),
        zone: body.timezone ?? zone,
      })
    }
  },
})

/** Writes as the service, by the rules of clients. */
const asClient = <T>(service: ScopedDatabase, work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  service.transaction(async (transaction) => {
    await transaction.query(sql`select set_config('kronium.by_client', 'on', true)`)
    return work(transaction)
  })

function withLink(row: z.output<typeof booking>, links: BookingLinks): z.output<typeof held> {
  const { customerId: _, terms: __, seriesId: ___, ...rest } = row
  return { ...rest, link: links.urlOf(row.id), token: links.tokenOf(row.id) }
}

const token = z.object({ token: z.string().min(40).max(60) })

type LinkContext = Pick<RouteContext, 'asService'> & { readonly links: BookingLinks }

/** The booking behind a link. Fails with `link_invalid`. */
function openLink({ asService, links }: LinkContext, text: string) {
  const id = links.open(text)
  if (id === null) throw kroniumErrors.link_invalid()
  return { id, service: asService('whoever has the link of a booking sees and changes it') }
}

async function readHeld(service: ScopedDatabase, id: string): Promise<z.output<typeof booking>> {
  const { rows } = await service.query<{ row: z.output<typeof booking> }>(
    sql`select to_jsonb(b) as row from public.bookings b where b.id = ${id}`,
    { readOnly: true },
  )
  if (!rows[0]) throw kroniumErrors.link_invalid()
  return rows[0].row
}

export const showByLink = defineRoute({
  method: 'GET',
  path: '/book/manage/:token',
  summary: 'The booking of a signed link.',
  access: 'public',
  params: token,
  responses: { 200: held },
  handle: async (context, { params: { token: text } }) => {
    const { id, service } = openLink(context, text)
    return withLink(await readHeld(service, id), context.links)
  },
})

export const changeByLink = defineRoute({
  method: 'PUT',
  path: '/book/manage/:token',
  summary: 'Moves the booking of a signed link, or cancels it.',
  access: 'public',
  limit: { calls: 60, seconds: 3_600, per: 'address' },
  params: token,
  body: z.union([
    z.object({ date: time, status: z.undefined().optional() }),
    z.object({ status: z.literal('cancelled'), cancelReason: z.string().max(500).optional() }),
  ]),
  responses: { 200: held },
  handle: async (context, { params: { token: text }, body }) => {
    const { id, service } = openLink(context, text)
    const before = await readHeld(service, id)
    if ('date' in body) {
      const zone = await readZone(service, before.serviceId ?? undefined)
      const at = instantIn(zone, body.date)
      try {
        await asClient(service, ({ query }) =>
          query(sql`update public.bookings set date = ${new Date(at)} where id = ${id}`),
        )
      } catch (error) {
        const wanted = { resource: undefined, at, now: context.clock.now().getTime(), zone: before.timezone }
        throw await withAlternatives(error, service, { ...wanted, service: before.serviceId ?? undefined })
      }
    } else if (before.status !== 'cancelled') {
      const reason = 'cancelReason' in body ? (body.cancelReason ?? null) : null
      await asClient(service, ({ query }) =>
        query(
          sql`update public.bookings set status = 'cancelled', "cancelReason" = ${reason} where id = ${id}`,
        ),
      )
    }
    return withLink(await readHeld(service, id), context.links)
  },
})
