import { testDatabaseTypes, testIsolation, useTestDatabase } from '@plinth/testing'
import { notes } from '../system.ts'

const test = useTestDatabase({ system: 'notes', migrations: [notes.migrations()] })

testIsolation({ system: notes, test })
testDatabaseTypes({ test })
