import { readMigrations } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { countWords } from './functions/count-words.ts'
import { pruneNotes } from './jobs/prune-notes.ts'

/** The smallest whole system: a table, a function, a job. `docs/add-a-system.md` was written along it. */
export const notes = defineSystem({
  name: 'notes',
  summary: 'Notes of one’s own.',
  tenant: null,
  migrations: () => readMigrations('notes', new URL('./sql/migrations/', import.meta.url)),
  functions: [countWords],
  jobs: [pruneNotes],
  realtimeTables: ['notes'],
  journalledTables: ['notes'],
})
