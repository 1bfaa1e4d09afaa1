import type { Header } from '@plinth/platform/tabular'
import type { LineReader, OrderFacts, OrderFormat } from './order-format.ts'
import { FieldReading, isZero, longestName, type ValueReaders } from './read-fields.ts'

const columns = [
  'Name',
  'Created at',
  'Lineitem quantity',
  'Lineitem name',
  'Lineitem price',
  'Financial Status',
] as const

/** An order export of Shopify: one row per line, the facts of the order on its first row. */
export const shopifyOrdersFormat: OrderFormat = {
  name: 'shopify-orders',
  columns,
  createReader,
}

function createReader({ places }: Header, values: ValueReaders): LineReader {
  let first: OpenOrder | undefined
  return (fields) => {
    const reading = new FieldReading(values)
    const field = (column: string): string => fields[places.get(column) ?? -1] ?? ''
    const document = reading.nameOf('Name', field('Name'))
    if (document === '') reading.refuse('no_document', 'Name is empty')
    if (document !== first?.document) first = undefined
    // Only the first row of an order has its time, and what a refused first row said is not to be guessed.
    const opened = field('Created at').trim() === '' && first ? first : openOrder(reading, field)
    const name = reading.text('Lineitem name', field('Lineitem name'))
    const line = {
      document,
      kind: 'sale' as const,
      code: reading.nameOf('Lineitem sku', field('Lineitem sku')) || name.slice(0, longestName),
      description: name,
      quantity: reading.quantity('Lineitem quantity', field('Lineitem quantity')),
      unitPrice: reading.price('Lineitem price', field('Lineitem price')),
      service: field('Lineitem requires shipping').trim().toLowerCase() === 'false',
    }
    if (line.code === '') reading.refuse('no_code', 'Lineitem sku and Lineitem name are empty')
    const opening = first === undefined
    first = { document, ...opened }
    if (reading.refused) return { document: document || null, line: null, remarks: reading.remarks }
    if (isZero(line.unitPrice)) reading.note('free_line', `${line.quantity} given away at price 0`)
    const { at, customer, country, order } = first
    return {
      document,
      line: { ...line, at, customer, country, ...(opening ? { order } : {}) },
      remarks: reading.remarks,
    }
  }
}

interface OpenOrder extends OpenedOrder {
  readonly document: string
}

interface OpenedOrder {
  readonly at: string
  readonly customer: string
  readonly country: string
  readonly order: OrderFacts
}

type FieldOf = (column: string) => string

function openOrder(reading: FieldReading, field: FieldOf): OpenedOrder {
  const email = reading.nameOf('Email', field('Email'))
  const discount = field('Discount Amount').trim()
  return {
    at: reading.time('Created at', field('Created at')),
    customer: email,
    country: reading.text('Billing Country', field('Billing Country')),
    order: {
      status: statusOf(field),
      paymentMethod: reading.text('Payment Method', field('Payment Method')) || null,
      discount: discount === '' ? '0' : reading.price('Discount Amount', discount),
      currency: reading.text('Currency', field('Currency')) || null,
      customer: { name: reading.text('Billing Name', field('Billing Name')) || null, email: email || null },
    },
  }
}

/** Shopify keeps payment, fulfilment and cancellation apart; a shop's order has one status. */
function statusOf(field: FieldOf): OrderFacts['status'] {
  const paid = field('Financial Status').trim().toLowerCase()
  if (paid === 'refunded') return 'Return'
  if (field('Cancelled at').trim() !== '' || paid === 'voided' || paid === 'expired') return 'Cancelled'
  if (paid === 'paid' || paid === 'partially_refunded') {
    return field('Fulfillment Status').trim().toLowerCase() === 'fulfilled' ? 'Completed' : 'Confirmed'
  }
  return 'Pending'
}
