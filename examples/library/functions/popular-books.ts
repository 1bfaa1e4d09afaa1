import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** What a library lends most, from the counts that the stream of changes keeps. */
export const popularBooks = defineFunction({
  name: 'popular-books',
  summary: 'The books of a library that were lent most.',
  access: 'public',
  methods: ['GET'],
  input: z.object({ libraryId: z.uuid(), limit: z.coerce.number().int().min(1).max(50).default(10) }),
  output: z.array(z.object({ title: z.string(), author: z.string(), loans: z.number().int() })),
  handle: async ({ asService }, { libraryId, limit }) => {
    const { rows } = await asService('counts are public, loans are not').query<{
      title: string
      author: string
      loans: number
    }>(
      sql`select b.title, b.author, c.loans::int as loans
          from private.loan_counts c join public.books b on b.id = c.book_id
          where b.library_id = ${libraryId} order by c.loans desc, b.title limit ${limit}`,
      { readOnly: true },
    )
    return rows
  },
})
