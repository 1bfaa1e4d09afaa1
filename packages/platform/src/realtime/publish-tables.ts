import { type ProjectDatabase, quoteName, sql } from '../database/index.ts'
import { type Log, messageOf } from '../kernel/index.ts'
import { carryTable, tailPublication } from '../tail/index.ts'

/**
 * Makes the publication `supabase_realtime` hold these tables of `public`, beside those that others have added to it.
 * Gives all of its tables as `schema.table`: the tail has to carry them too (`also` of `synchronisePublication`). Safe to repeat and to race.
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

/**
 * Makes the tail carry what was added to `supabase_realtime` since the start, by whoever may do so in SQL. A table that
 * belongs to somebody else stays out, with a line in the log.
 */
export async function carryAnnouncedTables(database: ProjectDatabase, log: Log): Promise<void> {
  const { rows } = await database.asOwner<{ schema: string; name: string }>(sql`
    select schemaname as schema, tablename as name from pg_publication_tables
    where pubname = 'supabase_realtime' and rowfilter is null
      and exists (select from pg_publication where pubname = ${tailPublication})
    except select schemaname, tablename from pg_publication_tables where pubname = ${tailPublication}`)
  for (const { schema, name } of rows) {
    await carryTable(database, { schema, name }).catch((error: unknown) => {
      log.warn({ table: `${schema}.${name}`, problem: messageOf(error) }, 'a table cannot be carried')
    })
  }
}
