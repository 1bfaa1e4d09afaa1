import { sql } from '@plinth/platform/database'
import { payments } from '@plinth/platform/payments'
import { useCapabilities } from '@plinth/platform/system'

/** A ticket follows its order: whatever was paid, given back or taken back shows on it. */
export const { uses, defineFunction } = useCapabilities(
  payments({
    hooks: {
      onPaid: async ({ order }, { query }) => {
        await query(sql`
          update public.tickets set paid_at = plinth.now(), receipt = plinth.issue_document(
            ${order.tenant}, 'receipt', ${order.id}, ${JSON.stringify({ lines: order.lines })})
          where id = ${order.reference}`)
      },
      onChanged: async ({ order }, { query }) => {
        await query(sql`update public.tickets set status = ${order.status} where id = ${order.reference}`)
      },
    },
  }),
)
