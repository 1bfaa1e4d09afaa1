import { testIsolation, useTestDatabase } from '@plinth/testing'
import { notes } from '../system.ts'

testIsolation({
  system: notes,
  test: useTestDatabase({ system: 'notes', migrations: [notes.migrations()] }),
})
