import { testDatabaseTypes, testIsolation, useTestDatabase } from '@plinth/testing'
import { eyemotion } from '../system.ts'

const test = useTestDatabase({ system: 'eyemotion', migrations: [eyemotion.migrations()] })

testIsolation({ system: eyemotion, test })
testDatabaseTypes({ test })
