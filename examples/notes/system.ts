import { readMigrations } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { countWords } from './functions/count-words.ts'
import { pruneNotes } from './jobs/prune-notes.ts'
import { showNotebook } from './routes/show-notebook.ts'

/** The smallest whole system: two tables, a function, a route, a job. `plinth new system` begins with a copy of it. */
export const notes = defineSystem({
  name: 'notes',
  summary: 'Notes of one’s own.',
  tenant: null,
  migrations: () => readMigrations('notes', new URL('./sql/migrations/', import.meta.url)),
  functions: [countWords],
  routes: [showNotebook],
  jobs: [pruneNotes],
  realtimeTables: ['notes'],
  journalledTables: ['notebooks', 'notes'],
})
