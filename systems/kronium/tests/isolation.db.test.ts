import { testDatabaseTypes, testIsolation, useTestDatabase } from '@plinth/testing'
import { kronium } from '../system.ts'

const test = useTestDatabase({ system: 'kronium', migrations: [kronium.migrations()] })

testIsolation({ system: kronium, test })
testDatabaseTypes({ test })
