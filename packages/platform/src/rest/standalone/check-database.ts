import { readFileSync } from 'node:fs'
import type { ProjectDatabase } from '../../database/index.ts'
import { quoteFunction } from '../run-request.ts'
import { type RestSettings, standaloneErrors } from './settings.ts'

const checkSql = readFileSync(new URL('./check-database.sql', import.meta.url), 'utf8')

/** Fails with `unfit_database`, a line for each thing that the settings name and the database does not have. */
export async function checkDatabase(database: ProjectDatabase, settings: RestSettings): Promise<void> {
  const preRequest = settings['db-pre-request']
  const values = [
    settings['db-schemas'],
    settings['db-anon-role'] ?? null,
    preRequest === undefined ? null : quoteFunction(preRequest),
  ]
  const { rows } = await database.asOwner<{ problem: string }>({ text: checkSql, values })
  if (rows.length > 0) {
    throw standaloneErrors.unfit_database({ problems: rows.map(({ problem }) => `  ${problem}`).join('\n') })
  }
}
