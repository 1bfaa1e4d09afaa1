import type { Header } from '@plinth/platform/tabular'
import type { Remark } from '../findings.ts'
import type { ValueReaders } from './read-fields.ts'

/** What a document is to the shop: see `docs/import.md` for what becomes of each. */
export type DocumentKind = 'sale' | 'cancellation' | 'adjustment' | 'accounting'

/** One line of an order as a file states it. */
export interface OrderLine {
  /** The order's number in the shop system that wrote the file. */
  readonly document: string
  readonly kind: DocumentKind
  /** What the items of the shop are told apart by. */
  readonly code: string
  readonly description: string
  /** As in the file: negative for what comes back. */
  readonly quantity: number
  /** Decimal text in major units. */
  readonly unitPrice: string
  /** ISO, UTC. */
  readonly at: string
  readonly customer: string
  readonly country: string
  /** True for what is never in stock: postage, fees, discounts. */
  readonly service: boolean
  /** Facts of the whole order, from the first of its lines that has them. */
  readonly order?: OrderFacts
}

/** What a file says of an order as a whole. */
export interface OrderFacts {
  readonly status: 'Pending' | 'Confirmed' | 'Completed' | 'Cancelled' | 'Return'
  readonly paymentMethod: string | null
  /** Decimal text in major units. */
  readonly discount: string
  readonly currency: string | null
  readonly customer: { readonly name: string | null; readonly email: string | null }
}

/** A line as read: the order's line unless it was refused, and what is odd about it. */
export interface LineReading {
  /** The order that the line belongs to, if that much could be read: a refused line takes its order along. */
  readonly document: string | null
  readonly line: OrderLine | null
  readonly remarks: readonly Remark[]
}

export interface OrderFormat {
  readonly name: 'retail' | 'shopify-orders'
  /** Columns that a file of this format must have; they are also how it is recognised. */
  readonly columns: readonly string[]
  /** Makes the reader of one file. */
  createReader(header: Header, values: ValueReaders): LineReader
}

export type LineReader = (fields: readonly string[]) => LineReading
