import {
  actor,
  createWorld,
  measureIsolation,
  readTables,
  renderMatrix,
  service,
  stranger,
  useTestDatabase,
} from '@plinth/testing'
import { expect, it } from 'vitest'
import { notes } from '../system.ts'

const test = useTestDatabase({ system: 'notes', migrations: [notes.migrations()] })

it('every table has policies, and nobody reaches a stranger’s notes', async () => {
  const { database } = test
  const tables = await readTables(database)
  expect(tables.filter((table) => !table.has_row_security || table.policies === 0)).toEqual([])
  const [ada, ben] = [actor('ada'), actor('ben')]
  const valuesOf = (userId: string) => ({ notes: { author_id: userId } })
  const own = await createWorld({ database, tables, userId: ada.userId, values: valuesOf(ada.userId) })
  const other = await createWorld({ database, tables, userId: ben.userId, values: valuesOf(ben.userId) })
  const subjects = [
    { name: 'user', caller: ada },
    { name: 'anon', caller: stranger },
    { name: 'service', caller: service },
  ]
  const attempts = await measureIsolation({ database, tables, subjects, own, other })
  await expect(renderMatrix(attempts)).toMatchFileSnapshot('isolation-matrix.txt')
  const leaks = attempts.filter(
    ({ subject, row, result }) =>
      result === 'allowed' && (subject === 'anon' || (subject === 'user' && row === 'other')),
  )
  expect(leaks).toEqual([])
})
