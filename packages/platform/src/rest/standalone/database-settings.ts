import { readFileSync } from 'node:fs'
import type { ProjectDatabase } from '../../database/index.ts'
import { quoteFunction } from '../run-request.ts'
import { databaseSettingNames, type RestSettings, withDatabaseSettings } from './settings.ts'

const text = readFileSync(new URL('./database-settings.sql', import.meta.url), 'utf8')

/**
 * The settings with those of the database in their place: what `alter role … set pgrst.…` gives the login, and what the
 * function `db-pre-config` sets. One that cannot be set there is refused, because it would be left out in silence.
 */
export async function readDatabaseSettings(
  database: ProjectDatabase,
  settings: RestSettings,
): Promise<RestSettings> {
  if (!settings['db-config']) return settings
  const preConfig = settings['db-pre-config']
  const rows = await database.transactionAsOwner(async ({ query }) => {
    if (preConfig !== undefined) await query({ text: `select ${quoteFunction(preConfig)}()` })
    const result = await query<{ name: string; value: string | null }>({
      text,
      values: [databaseSettingNames],
    })
    return result.rows
  })
  const given = rows.filter((row) => row.value !== null && row.value !== '')
  return withDatabaseSettings(settings, Object.fromEntries(given.map(({ name, value }) => [name, value!])))
}
