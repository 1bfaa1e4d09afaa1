import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { kroniumErrors } from '../errors.ts'
import { contains, Filter, pageOf, pageQuery, readPage, tagged, wantedTag } from '../rows/pages.ts'
import { service, serviceInput } from '../rows/schemas.ts'
import { changeRow, insertRow, readRow } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })

export const listServices = defineRoute({
  method: 'GET',
  path: '/services',
  summary: 'The catalogue; inactive services are shown to admins.',
  access: 'public',
  query: z.object({
    ...pageQuery,
    category: z.string().max(100).optional(),
    isActive: z.stringbool().optional(),
    minPrice: z.coerce.number().optional(),
    maxPrice: z.coerce.number().optional(),
    q: z.string().min(1).max(100).optional(),
    sort: z.enum(['title', 'price', '-price', '-createdAt']).default('-createdAt'),
  }),
  responses: { 200: pageOf(service), 304: null },
  handle: async (context, { query: { page, limit, category, isActive, minPrice, maxPrice, q, sort } }) => {
    const filter = new Filter()
      .where('t.category = ?', category)
      .where('t."isActive" = ?', isActive)
      .where('t.price >= ?', minPrice)
      .where('t.price <= ?', maxPrice)
      .where('(t.title ilike ? or t.description ilike ?)', contains(q))
    const order = `t."${sort.replace('-', '')}" ${sort.startsWith('-') ? 'desc' : 'asc'}, t.id`
    return tagged(context, await readPage(context.db, { table: 'services', filter, order, page, limit }))
  },
})

export const showService = defineRoute({
  method: 'GET',
  path: '/services/:id',
  summary: 'A service.',
  access: 'public',
  params,
  responses: { 200: service, 304: null },
  handle: async (context, { params: { id } }) => {
    const { row, tag } = await readRow(context.db, 'services', id, kroniumErrors.unknown_service)
    return tagged(context, row, tag)
  },
})

export const createService = defineRoute({
  method: 'POST',
  path: '/services',
  summary: 'Adds a service; admins only.',
  access: 'user',
  body: serviceInput,
  responses: { 201: service, 200: service },
  handle: async (context, { body }) => {
    await context.db.query(sql`select private.require_all('manage_services')`, { readOnly: true })
    const made = await insertRow(context.db, 'services', body)
    context.setHeader('etag', `"${made.tag}"`)
    return reply(made.isNew ? 201 : 200, made.row)
  },
})

export const updateService = defineRoute({
  method: 'PUT',
  path: '/services/:id',
  summary: 'Changes a service; admins only. Bookings keep their price and terms.',
  access: 'user',
  params,
  body: serviceInput.omit({ id: true }).partial(),
  responses: { 200: service },
  handle: async (context, { params: { id }, body }) => {
    const { db, request } = context
    const tag = wantedTag(request)
    const changed = await changeRow(db, {
      table: 'services',
      id,
      changes: body,
      tag,
      missing: kroniumErrors.unknown_service,
    })
    context.setHeader('etag', `"${changed.tag}"`)
    return changed.row
  },
})

export const deleteService = defineRoute({
  method: 'DELETE',
  path: '/services/:id',
  summary: 'Removes a service that has no bookings to come; admins only.',
  access: 'user',
  params,
  responses: { 204: null },
  handle: async ({ db }, { params: { id } }) => {
    await db.query(sql`select private.require_all('manage_services')`, { readOnly: true })
    const { rowCount } = await db.query(sql`delete from public.services where id = ${id}`)
    if (!rowCount) throw kroniumErrors.unknown_service({ id })
    return undefined
  },
})
