import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { defineRoute } from '../uses.ts'

const loan = z.object({ id: z.uuid(), book_id: z.uuid(), due_on: z.iso.date() })

/** Lends the caller a copy. SQL decides whether one is there; its refusals keep their status and code. */
export const borrowBook = defineRoute({
  method: 'POST',
  path: '/books/:id/loans',
  summary: 'Borrows a copy of a book.',
  access: { anyOf: [{ permission: 'books:borrow' }] },
  params: z.object({ id: z.uuid() }),
  body: z.object({ days: z.number().int().min(1).max(60).default(21) }),
  responses: { 201: loan },
  limit: { calls: 30, seconds: 60 },
  handle: async ({ db }, { params, body }) => {
    const { rows } = await db.query<z.output<typeof loan>>(
      sql`select id, book_id, due_on::text from public.borrow_book(${params.id}, ${body.days})`,
    )
    return reply(201, rows[0]!)
  },
})
