import { type ProjectDatabase, quoteName, sql } from '../database/index.ts'

/**
 * Makes the publication `supabase_realtime` hold these tables of `public`, beside those that others have added to it.
 * Gives all of its tables as `schema.table`: the tail has to carry them too. Safe to repeat and to race.
 */
export async function synchroniseRealtimeTables(
  database: ProjectDatabase,
  tables: readonly string[],
): Promise<readonly string[]> {
  return database.transactionAsOwner(async (transaction) => {
    await transaction.query(sql`select pg_advisory_xact_lock(hashtext('plinth realtime publication'))`)
    const read = () =>
      transaction.query<{ schema: string; name: string }>(sql`
        select schemaname as schema, tablename as name from pg_publication_tables
        where pubname = 'supabase_realtime' order by 1, 2`)
    const { rows } = await read()
    const published = new Set(rows.filter(({ schema }) => schema === 'public').map(({ name }) => name))
    for (const table of new Set(tables)) {
      if (published.has(table)) continue
      await transaction.query({
        text: `alter publication supabase_realtime add table public.${quoteName(table)}`,
      })
    }
    return (await read()).rows.map(({ schema, name }) => `${schema}.${name}`)
  })
}
