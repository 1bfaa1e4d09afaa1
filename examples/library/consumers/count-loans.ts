import { type ProjectDatabase, sql } from '@plinth/platform/database'
import type { DurableConsumer, TransactionChunk } from '@plinth/platform/tail'

const name = 'count-loans'

/** Counts loans by book from the stream of changes: exactly once, because count and position are stored together. */
export const countLoans = (database: ProjectDatabase): DurableConsumer => ({
  name,
  position: async () => {
    const { rows } = await database.asOwner<{ position: string }>(
      sql`select position::text from private.stream_positions where consumer = ${name}`,
    )
    return rows[0]?.position ?? null
  },
  handle: async (batch) => {
    await database.transactionAsOwner(async (transaction) => {
      for await (const chunks of batch) {
        const books = chunks.flatMap(lentBooks)
        await transaction.query(sql`
          insert into private.loan_counts
          select book, count(*) from unnest(${books}::uuid[]) book where exists (select from public.books where id = book)
          group by book
          on conflict (book_id) do update set loans = loan_counts.loans + excluded.loans`)
      }
      await transaction.query(sql`
        insert into private.stream_positions values (${name}, ${batch.position}::pg_lsn)
        on conflict (consumer) do update set position = excluded.position`)
    })
  },
})

const lentBooks = ({ changes }: TransactionChunk): string[] =>
  changes
    .filter(({ relation, operation }) => relation.table === 'loans' && operation === 'insert')
    .map(({ after }) => after!['book_id']!)
