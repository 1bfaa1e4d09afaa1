import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { type DepositOf, depositColumns, depositOrder } from '../deposits.ts'
import { defineJob } from '../uses.ts'

/** Cancels what waited for a deposit that did not come; the slots were free from that instant on. */
export const expireUnpaid = defineJob({
  name: 'expire-unpaid-bookings',
  summary: 'Cancels bookings whose deposit did not come in time.',
  schedule: { line: '*/5 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ expired: number }>(sql`select private.expire_unpaid() as expired`)
    if (rows[0]!.expired > 0) log.info({ bookings: rows[0]!.expired }, 'unpaid bookings cancelled')
  },
})

/** Gives a deposit back, once: the same cause asks once, whatever becomes of this job. */
export const returnDeposit = defineJob({
  name: 'return-deposit',
  summary: 'Gives the deposit of a cancelled booking back.',
  payload: z.object({ booking: z.uuid() }),
  run: async ({ db, payments }, { booking }) => {
    const deposit = await readDeposit(db, booking)
    if (deposit?.depositStatus !== 'returning') return
    const order = await payments.createOrder(depositOrder(deposit))
    await payments.refund(order.id, { cause: 'cancelled', reason: 'the booking was cancelled' })
  },
})

async function readDeposit(db: ScopedDatabase, booking: string) {
  const { rows } = await db.query<DepositOf & { readonly depositStatus: string }>({
    text: `select ${depositColumns} from public.bookings b where b.id = $1`,
    values: [booking],
  })
  return rows[0]
}
