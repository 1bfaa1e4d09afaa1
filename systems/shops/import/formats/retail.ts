import type { Header } from '@plinth/platform/tabular'
import type { DocumentKind, LineReader, OrderFormat } from './order-format.ts'
import { FieldReading, isZero, type ValueReaders } from './read-fields.ts'

const columns = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const

/**
 * Codes of the UCI "Online Retail" file that are charges and corrections, not goods: fees, postage and carriage,
 * discount, samples, charity, manual entries and bad debt.
 */
const services = new Set(['AMAZONFEE', 'B', 'BANK CHARGES', 'C2', 'CRUK', 'D', 'DOT', 'M', 'm', 'POST', 'S'])

/** The invoice lines of UCI "Online Retail" (Daqing Chen, 2015, doi 10.24432/C5BW33). */
export const retailFormat: OrderFormat = {
  name: 'retail',
  columns,
  createReader,
}

function createReader({ places }: Header, values: ValueReaders): LineReader {
  const [invoice, code, description, quantity, date, price, customer, country] = columns.map(
    (column) => places.get(column) ?? -1,
  ) as [number, number, number, number, number, number, number, number]
  return (fields) => {
    const reading = new FieldReading(values)
    const document = reading.nameOf('InvoiceNo', fields[invoice]!)
    const line = {
      document,
      code: reading.nameOf('StockCode', fields[code]!),
      description: reading.text('Description', fields[description]!),
      quantity: reading.quantity('Quantity', fields[quantity]!),
      unitPrice: reading.price('UnitPrice', fields[price]!),
      at: reading.time('InvoiceDate', fields[date]!),
      customer: reading.nameOf('CustomerID', fields[customer]!).replace(/\.0$/, ''),
      country: reading.text('Country', fields[country]!),
    }
    if (document === '') reading.refuse('no_document', 'InvoiceNo is empty')
    if (line.code === '') reading.refuse('no_code', 'StockCode is empty')
    if (reading.refused) return { document: document || null, line: null, remarks: reading.remarks }
    const kind = kindOf(line)
    remark(reading, kind, line)
    return { document, line: { ...line, kind, service: services.has(line.code) }, remarks: reading.remarks }
  }
}

interface RetailLine {
  readonly document: string
  readonly description: string
  readonly quantity: number
  readonly unitPrice: string
  readonly customer: string
}

/** A line without customer and price is a correction of the stock, unless its invoice sells something as well. */
function kindOf({ document, unitPrice, customer }: RetailLine): DocumentKind {
  if (document.startsWith('C')) return 'cancellation'
  if (document.startsWith('A')) return 'accounting'
  return customer === '' && isZero(unitPrice) ? 'adjustment' : 'sale'
}

function remark(reading: FieldReading, kind: DocumentKind, line: RetailLine): void {
  const { quantity, unitPrice, description } = line
  if (kind === 'accounting') reading.note('accounting_entry', `no goods move: ${unitPrice} (${description})`)
  if (kind === 'adjustment' && quantity < 0)
    reading.note(
      'stock_written_off',
      `${-quantity} without customer or price: ${description || 'no reason given'}`,
    )
  if (kind === 'adjustment' && quantity > 0)
    reading.note('stock_found', `${quantity} without customer or price: ${description || 'no reason given'}`)
  if (kind === 'sale' && isZero(unitPrice)) reading.note('free_line', `${quantity} given away at price 0`)
  if (kind === 'sale' && quantity < 0)
    reading.note('negative_quantity', `${quantity} on an invoice that is no cancellation; taken as a return`)
  if (kind === 'cancellation' && quantity > 0)
    reading.note('positive_cancellation', `${quantity} on a cancellation; taken as a sale`)
  if (unitPrice.startsWith('-')) reading.note('negative_price', `the price is ${unitPrice}`)
  if (description === '') reading.note('no_description', 'Description is empty')
  if (/\.\d\d\d*[1-9]/.test(unitPrice))
    reading.note('fractional_minor_unit', `the price has a fraction of a minor unit: ${unitPrice}`)
}
