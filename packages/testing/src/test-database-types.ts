import { renderDatabaseTypes } from '@plinth/platform/rest'
import { expect, it } from 'vitest'
import type { TestDatabase } from './test-database.ts'

/**
 * Defines the test that a system's `database.types.ts` is what `plinth types` would write now. `file` is its path from the
 * test file's folder.
 */
export function testDatabaseTypes({
  test,
  file = '../database.types.ts',
}: {
  readonly test: TestDatabase
  readonly file?: string
}): void {
  it('database.types.ts is current (plinth types writes it)', async () => {
    await expect(await renderDatabaseTypes(test.database)).toMatchFileSnapshot(file)
  })
}
