import { testDatabaseTypes, testIsolation, useTestDatabase } from '@plinth/testing'
import { courses } from '../system.ts'

const test = useTestDatabase({ system: 'courses', migrations: [courses.migrations()] })

testIsolation({ system: courses, test })
testDatabaseTypes({ test })
