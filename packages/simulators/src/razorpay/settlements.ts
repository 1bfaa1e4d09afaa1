import type { Payment, ReconItem, Refund, Settlement } from './entities.ts'
import type { RazorpayWorld } from './world.ts'

const day = 86_400

/** Pays out what was captured and refunded until some days ago; nothing when there is nothing. */
export function settle(world: RazorpayWorld): Settlement | undefined {
  const until = (Math.floor(world.seconds() / day) - world.account.settleAfterDays + 1) * day
  const isDue = ({ id, created_at: at }: Payment | Refund) => at < until && !world.recon.get(id)
  const payments = world.payments.all().filter((payment) => payment.captured && isDue(payment))
  const refunds = world.refunds
    .all()
    .filter((refund) => refund.status === 'processed' && isDue(refund))
    .filter((refund) => world.payments.get(refund.payment_id)?.captured)
  if (payments.length + refunds.length === 0) return undefined
  const id = world.id('setl')
  const utr = String(1_000_000_000 + world.simulation.seeded.below(8_999_999_999))
  const common = { settlement_id: id, settled_at: world.seconds(), settlement_utr: utr }
  const items = [
    ...payments.map((payment) => paymentItem(world, payment, common)),
    ...refunds.map((refund) => refundItem(world, refund, common)),
  ]
  for (const item of items) world.recon.put(item)
  const sum = (of: (item: ReconItem) => number) => items.reduce((total, item) => total + of(item), 0)
  const settlement = world.settlements.put({
    id,
    entity: 'settlement',
    amount: sum(({ credit, debit }) => credit - debit),
    status: 'processed',
    fees: sum(({ fee }) => fee),
    tax: sum(({ tax }) => tax),
    utr,
    created_at: world.seconds(),
  })
  world.emit('settlement.processed', { settlement })
  return settlement
}

type Common = Pick<ReconItem, 'settlement_id' | 'settled_at' | 'settlement_utr'>

function lineOf(
  world: RazorpayWorld,
  entity: Payment | Refund,
  payment: Payment | undefined,
  common: Common,
) {
  const order = world.orders.get(payment?.order_id ?? '')
  return {
    id: entity.id,
    entity_id: entity.id,
    amount: entity.amount,
    currency: entity.currency,
    on_hold: false,
    settled: true,
    created_at: entity.created_at,
    posted_at: null,
    credit_type: 'default' as const,
    notes: JSON.stringify(entity.notes),
    order_id: order?.id ?? null,
    order_receipt: order?.receipt ?? null,
    method: payment?.method ?? null,
    card_network: payment?.card?.network ?? null,
    card_issuer: payment?.card?.issuer ?? null,
    card_type: payment?.card?.type ?? null,
    dispute_id: null,
    ...common,
  }
}

const paymentItem = (world: RazorpayWorld, payment: Payment, common: Common): ReconItem => ({
  ...lineOf(world, payment, payment, common),
  type: 'payment',
  debit: 0,
  credit: payment.amount - (payment.fee ?? 0),
  fee: payment.fee ?? 0,
  tax: payment.tax ?? 0,
  description: payment.description,
  payment_id: null,
})

const refundItem = (world: RazorpayWorld, refund: Refund, common: Common): ReconItem => ({
  ...lineOf(world, refund, world.payments.get(refund.payment_id), common),
  type: 'refund',
  debit: refund.amount,
  credit: 0,
  fee: 0,
  tax: 0,
  description: null,
  payment_id: refund.payment_id,
})

/** The lines settled in a month, or on a day of it (UTC). */
export function reconOf(
  world: RazorpayWorld,
  { year, month, day: date }: { year: number; month: number; day?: number | undefined },
): ReconItem[] {
  const from = Date.UTC(year, month - 1, date ?? 1) / 1000
  const until = (date ? Date.UTC(year, month - 1, date + 1) : Date.UTC(year, month, 1)) / 1000
  return world.recon.all().filter(({ settled_at: at }) => at >= from && at < until)
}
