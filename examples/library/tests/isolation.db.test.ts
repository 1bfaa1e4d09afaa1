import { sql } from '@plinth/platform/database'
import { testIsolation } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { library } from '../system.ts'

testIsolation({
  system: library,
  test: useSystem(library),
  members: {
    librarian: ({ tenant, userId }) =>
      sql`insert into public.members (library_id, user_id, role) values (${tenant}, ${userId}, 'librarian')`,
  },
})
