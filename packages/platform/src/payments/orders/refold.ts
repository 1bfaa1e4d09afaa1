import { type ProjectDatabase, sql } from '../../database/index.ts'
import type { PaymentEvent } from '../fold/events.ts'
import { foldOrder, noOrder, summarise } from '../fold/fold-order.ts'

/** An order whose stored state is not what its facts say. */
export interface Drifted {
  readonly order: string
  readonly stored: string
  readonly folded: string
}

interface Batch {
  readonly id: string
  readonly amount: string
  readonly currency: string
  readonly status: string
  readonly captured: string
  readonly refunded: string
  readonly events: readonly PaymentEvent[]
}

const batchSize = 2_000

/**
 * Folds every fact that there is again from nothing and compares what comes out with what is stored; gives how many facts
 * were folded, and the orders that differ. Reads only. Orders that have facts which wait are left out.
 */
export async function refoldAll(
  database: ProjectDatabase,
): Promise<{ readonly events: number; readonly drifted: readonly Drifted[] }> {
  const drifted: Drifted[] = []
  let events = 0
  let last = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await database.asOwner<Batch>(sql`
      select o.id, o.amount, o.currency, o.status, o.captured, o.refunded, f.events
      from (select * from plinth.payment_orders where id > ${last} order by id limit ${batchSize}) o
      cross join lateral (
        select coalesce(jsonb_agg(e.value), '[]') as events, bool_and(i.processed_at is not null) as processed
        from plinth.payment_inbox i join plinth.payment_facts f on f.id = i.fact
        cross join lateral jsonb_array_elements(f.events) e
        where i.target = o.id
      ) f
      where f.processed is distinct from false
      order by o.id`)
    for (const row of rows) {
      events += row.events.length
      const terms = { amount: Number(row.amount), currency: row.currency }
      const { status, captured, refunded } = summarise(terms, row.events.reduce(foldOrder, noOrder))
      const [stored, folded] = [
        `${row.status} ${row.captured} ${row.refunded}`,
        `${status} ${captured} ${refunded}`,
      ]
      if (stored !== folded) drifted.push({ order: row.id, stored, folded })
    }
    const next = await database.asOwner<{ id: string | null }>(sql`
      select max(id::text) as id from (select id from plinth.payment_orders where id > ${last} order by id limit ${batchSize}) o`)
    if (!next.rows[0]?.id) return { events, drifted }
    last = next.rows[0].id
  }
}
