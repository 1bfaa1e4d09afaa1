import { type ProjectDatabase, sql } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { suppress } from '../delivery/suppressions.ts'
import type { Unsubscription } from './unsubscribe-links.ts'

/**
 * Ends marketing: a person's preferences say so, where they are the project's user; the address of everybody else is
 * closed for it. Doing it again changes nothing.
 */
export async function unsubscribe(
  { database, clock }: { readonly database: ProjectDatabase; readonly clock: Clock },
  { person, address, topic }: Unsubscription,
): Promise<void> {
  await database.transactionAsOwner(async (transaction) => {
    if (person !== null) {
      const { rows } = await transaction.query<{ written: boolean }>(sql`
        select case when exists (select from auth.users where id::text = ${person})
          then plinth.refuse_marketing(${person}, ${topic}) else false end as written`)
      if (rows[0]!.written) return
    }
    const mac = Buffer.from(address, 'base64url')
    await transaction.query(
      suppress('email', mac, { scope: 'marketing', reason: 'unsubscribe' }, clock.now()),
    )
  })
}
