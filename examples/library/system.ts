import { readMigrations, sql } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { countLoans } from './consumers/count-loans.ts'
import { loadDemo } from './demo/load-demo.ts'
import { libraryErrors } from './errors.ts'
import { newCard } from './functions/new-card.ts'
import { popularBooks } from './functions/popular-books.ts'
import { rewindLibrary } from './functions/rewind-library.ts'
import { importBooks } from './imports/import-books.ts'
import { remindReaders } from './jobs/remind-readers.ts'
import { borrowBook } from './routes/borrow-book.ts'
import { loanCalendar } from './routes/loan-calendar.ts'
import { uses } from './uses.ts'

/** Libraries that lend books: a system that uses every declaration once. `docs/add-a-system.md` goes along it. */
export const library = defineSystem({
  name: 'library',
  summary: 'Libraries that lend books to their members.',
  tenant: { table: 'libraries', column: 'library_id' },
  uses,
  migrations: () => readMigrations('library', new URL('./sql/migrations/', import.meta.url)),
  errors: libraryErrors,
  functions: [popularBooks, newCard, rewindLibrary],
  routes: [borrowBook, loanCalendar],
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ role: string }>(
        sql`select distinct role from public.members where user_id = ${userId}`,
        { readOnly: true },
      )
      return rows.map(({ role }) => role)
    },
    permissions: { reader: ['books:borrow'], librarian: ['books:borrow', 'books:keep'] },
  },
  jobs: [remindReaders],
  consumers: ({ database }) => ({ durable: [countLoans(database)] }),
  realtimeTables: ['books', 'loans'],
  journalledTables: ['libraries', 'members', 'books', 'loans'],
  personalColumns: { loans: { columns: ['reader_email'], subject: 'reader_id' } },
  tenantHooks: () => ({
    afterRewind: (tenant) => sql`select private.recount_loans(${tenant})`,
  }),
  imports: [importBooks],
  demo: loadDemo,
})
