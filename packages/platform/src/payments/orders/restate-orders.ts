import { type ProjectDatabase, sql } from '../../database/index.ts'
import { noOrder } from '../fold/fold-order.ts'
import type { FoldContext } from './fold-context.ts'
import { lockOrder, orderOf } from './read-order.ts'

/** Tells the system the state of each of a tenant's orders again: its own rows were taken back to an instant. */
export async function restateOrders(
  { database, hooks }: FoldContext & { readonly database: ProjectDatabase },
  tenant: string,
): Promise<void> {
  const { onChanged } = hooks
  if (!onChanged) return
  const { rows } = await database.asOwner<{ id: string }>(
    sql`select id from plinth.payment_orders where tenant = ${tenant} and state is not null order by id`,
  )
  for (const { id } of rows)
    await database.transactionAsOwner(async (transaction) => {
      const row = (await lockOrder(transaction, id))!
      await onChanged({ order: orderOf(row, row.state ?? noOrder) }, transaction)
    })
}
