import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { kroniumErrors } from '../errors.ts'
import { contains, Filter, pageOf, pageQuery, readPage, tagged, wantedTag } from '../rows/pages.ts'
import { user, userChange } from '../rows/schemas.ts'
import { changeRow, readRow } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })

export const listUsers = defineRoute({
  method: 'GET',
  path: '/users',
  summary: 'Everybody with an account; admins only.',
  access: 'user',
  query: z.object({
    ...pageQuery,
    role: user.shape.role.optional(),
    isActive: z.stringbool().optional(),
    q: z.string().min(1).max(100).optional(),
  }),
  responses: { 200: pageOf(user), 304: null },
  handle: async (context, { query: { page, limit, role, isActive, q } }) => {
    const filter = new Filter()
      .where('t.role = ?', role)
      .where('t."isActive" = ?', isActive)
      .where('(t.name ilike ? or t.email ilike ? or t."simpleId" ilike ?)', contains(q))
    const order = 't."createdAt" desc, t.id'
    const permit = `private.require_all('view_users')`
    return tagged(context, await readPage(context.db, { table: 'users', filter, order, page, limit, permit }))
  },
})

export const showUser = defineRoute({
  method: 'GET',
  path: '/users/:id',
  summary: 'A user: oneself, or anybody for an admin.',
  access: 'user',
  params,
  responses: { 200: user, 304: null },
  handle: async (context, { params: { id } }) => {
    const { row, tag } = await readRow(context.db, 'users', id, kroniumErrors.unknown_user)
    return tagged(context, row, tag)
  },
})

export const updateUser = defineRoute({
  method: 'PUT',
  path: '/users/:id',
  summary: 'Changes oneself; role and isActive are for admins.',
  access: 'user',
  params,
  body: userChange,
  responses: { 200: user },
  handle: async (context, { params: { id }, body }) => {
    const { db, request } = context
    const tag = wantedTag(request)
    const changed = await changeRow(db, {
      table: 'users',
      id,
      changes: body,
      tag,
      missing: kroniumErrors.unknown_user,
    })
    context.setHeader('etag', `"${changed.tag}"`)
    return changed.row
  },
})

export const deleteUser = defineRoute({
  method: 'DELETE',
  path: '/users/:id',
  summary: 'Removes an account; what was booked and paid stays without its name. Admins only.',
  access: 'user',
  params,
  responses: { 204: null },
  handle: async ({ db, asService }, { params: { id } }) => {
    await db.query(sql`select private.require_all('manage_users')`, { readOnly: true })
    const service = asService('an admin removes an account')
    const { rows } = await service.query<{ removed: boolean }>(
      sql`select private.remove_user(${id}) as removed`,
    )
    if (!rows[0]!.removed) throw kroniumErrors.unknown_user({ id })
    return undefined
  },
})
