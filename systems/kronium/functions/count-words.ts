import { sql } from '@plinth/platform/database'
import { defineFunction } from '@plinth/platform/routes'
import { z } from 'zod'
import { noteErrors } from '../errors.ts'

/** How many words the caller has written, in all notes or in one. */
export const countWords = defineFunction({
  name: 'kronium-count-words',
  summary: 'Counts the words of the caller’s notes.',
  access: 'user',
  input: z.object({ noteId: z.uuid().optional() }),
  output: z.object({ notes: z.number().int(), words: z.number().int() }),
  handle: async ({ db }, { noteId }) => {
    const { rows } = await db.query<{ notes: number; words: number }>(
      sql`select count(*)::int as notes,
            coalesce(sum(cardinality(regexp_split_to_array(trim(body), '\\s+'))), 0)::int as words
          from public.notes where ${noteId ?? null}::uuid is null or id = ${noteId ?? null}`,
      { readOnly: true },
    )
    const counted = rows[0]!
    if (noteId && counted.notes === 0) throw noteErrors.note_not_found({ noteId })
    return counted
  },
})
