import type pg from 'pg'
import { type ProjectDatabase, rewindRole, sql } from '../database/index.ts'
import { newSecret } from '../kernel/index.ts'
import { rewindErrors } from './errors.ts'

/**
 * The owner restores his rows himself, since his functions (in generated columns, checks and indexes) run with it. The
 * journal's role permits this transaction, and no other, to switch triggers off: he could keep no foreign key otherwise.
 * Rows that row security would hide are an error. Fails with `rewind_not_permitted`.
 */
export async function switchTriggersOff(client: pg.Client, database: ProjectDatabase): Promise<void> {
  const permit = newSecret()
  await database.asJournal(sql`
    with unused as (delete from plinth_journal.rewind_permits where expires_at < clock_timestamp())
    insert into plinth_journal.rewind_permits (digest, expires_at)
    values (sha256(convert_to(${permit}, 'UTF8')), clock_timestamp() + interval '1 minute')`)
  await client.query('select plinth_journal.begin_rewind($1)', [permit]).catch((cause: unknown) => {
    throw rewindErrors.rewind_not_permitted({ role: rewindRole(database.system) }, cause)
  })
}
