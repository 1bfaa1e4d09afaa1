import { readMigrations } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { countWords } from './functions/count-words.ts'
import { pruneNotes } from './jobs/prune-notes.ts'
import { showNotebook } from './routes/show-notebook.ts'

/** kronium: a copy of examples/notes, to begin with. */
export const kronium = defineSystem({
  name: 'kronium',
  summary: 'Notes of one’s own.',
  tenant: null,
  migrations: () => readMigrations('kronium', new URL('./sql/migrations/', import.meta.url)),
  functions: [countWords],
  routes: [showNotebook],
  jobs: [pruneNotes],
  realtimeTables: ['notes'],
  journalledTables: ['notebooks', 'notes'],
})
