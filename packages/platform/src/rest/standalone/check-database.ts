import { readFileSync } from 'node:fs'
import type { ProjectDatabase } from '../../database/index.ts'
import { hasCode, messageOf } from '../../kernel/index.ts'
import { type RestSettings, standaloneErrors } from './settings.ts'

const checkSql = readFileSync(new URL('./check-database.sql', import.meta.url), 'utf8')

/** Fails with `unreachable_database` when there is no way to the database. */
export async function connectOnce(database: ProjectDatabase): Promise<void> {
  await database.asOwner({ text: 'select' }).catch((error: unknown) => {
    throw hasCode(error, 'database_unavailable') ? explainUnreachable(error as Error) : error
  })
}

/**
 * Fails with `unfit_database`, a line for each thing that the settings name and the
 * database does not have.
 */
export async function checkDatabase(database: ProjectDatabase, settings: RestSettings): Promise<void> {
  const preRequest = settings['db-pre-request']
  const values = [
    settings['db-schemas'],
    settings['db-anon-role'] ?? null,
    preRequest === undefined ? null : preRequest.split('.'),
    [...settings['db-schemas'], ...settings['db-extra-search-path']],
  ]
  const { rows } = await database.asOwner<{ problem: string }>({ text: checkSql, values })
  if (rows.length > 0) {
    throw standaloneErrors.unfit_database({ problems: rows.map(({ problem }) => `  ${problem}`).join('\n') })
  }
}

/** Where a name has several addresses, each of them failed by itself and the failure of all has no message. */
function explainUnreachable(error: Error): Error {
  const { cause } = error
  const problem = cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause)
  return standaloneErrors.unreachable_database({ problem }, error)
}
