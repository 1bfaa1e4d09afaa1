import { sql } from '@plinth/platform/database'
import { defineRoute } from '@plinth/platform/routes'
import { z } from 'zod'
import { noteErrors } from '../errors.ts'

/** One of the caller's notebooks, with how many notes are in it. */
export const showNotebook = defineRoute({
  method: 'GET',
  path: '/notebooks/:id',
  summary: 'Shows a notebook of the caller.',
  access: 'user',
  params: z.object({ id: z.uuid() }),
  responses: { 200: z.object({ title: z.string(), notes: z.number().int() }) },
  handle: async ({ db }, { params: { id } }) => {
    const { rows } = await db.query<{ title: string; notes: number }>(
      sql`select title, (select count(*)::int from public.notes where notebook_id = notebooks.id) as notes
          from public.notebooks where id = ${id}`,
      { readOnly: true },
    )
    if (!rows[0]) throw noteErrors.notebook_not_found({ notebookId: id })
    return rows[0]
  },
})
