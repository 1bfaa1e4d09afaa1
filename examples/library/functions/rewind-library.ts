import { sql } from '@plinth/platform/database'
import { rewindActions } from '@plinth/platform/rewind'
import { defineActions } from '@plinth/platform/routes'
import { defineFunction } from '../uses.ts'

/** Takes a library back to a point: `{ "action": "preview", "tenant": "<library>", "to": "2026-01-15T12:00:00Z" }`. */
export const rewindLibrary = defineFunction({
  name: 'rewind-library',
  summary: 'Shows what taking a library back to a point would do, does it, and takes that back.',
  access: 'user',
  ...defineActions(
    rewindActions(async ({ db }, library) => {
      const { rowCount } = await db.query(
        sql`select from public.members
          where library_id::text = ${library} and user_id = (select auth.uid()) and role = 'librarian'`,
        { readOnly: true },
      )
      return rowCount === 1
    }),
  ),
})
