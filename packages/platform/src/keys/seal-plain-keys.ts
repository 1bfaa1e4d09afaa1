import { type ProjectDatabase, sql } from '../database/index.ts'
import { seal } from '../kernel/index.ts'

/** Seals the texts of keys that SQL made, and deletes them where they stand in the clear. Gives how many there were. */
export async function sealPlainKeys(database: ProjectDatabase, sealingKey: Buffer): Promise<number> {
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ id: string; value: string; at: string }>(sql`
      delete from plinth.plain_keys where is_stored
      returning key_id::text as id, value, created_at as at`)
    for (const { id, value, at } of rows) {
      await transaction.query(sql`
        insert into plinth.unread_keys (key_id, sealed, created_at) values (${id}, ${seal(sealingKey, value, id)}, ${at})
        on conflict (key_id) do update set sealed = excluded.sealed, created_at = excluded.created_at`)
    }
    return rows.length
  })
}
