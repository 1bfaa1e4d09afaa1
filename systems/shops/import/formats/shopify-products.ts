import type { Header } from '@plinth/platform/tabular'
import type { FindingCode, Remark } from '../findings.ts'
import { FieldReading, longestName, type ValueReaders } from './read-fields.ts'

/** What a product file says of one thing on sale. */
export interface ProductLine {
  readonly code: string
  readonly name: string
  readonly description: string | null
  readonly service: boolean
  /** Decimal text, major units. */
  readonly price: string
  readonly compareAtPrice: string | null
  readonly cost: string | null
  /** Units counted; null when the shop system does not count them. */
  readonly counted: number | null
  readonly category: string | null
  readonly imageUrl: string | null
}

export interface ProductReading {
  readonly line: ProductLine | null
  readonly remarks: readonly Remark[]
}

export interface ProductFormat {
  readonly name: 'shopify-products'
  readonly columns: readonly string[]
  createReader(header: Header, values: ValueReaders): (fields: readonly string[]) => ProductReading
}

/** A product export of Shopify: the product on its first row, then a row per variant, and rows of pictures alone. */
export const shopifyProductsFormat: ProductFormat = {
  name: 'shopify-products',
  columns: ['Handle', 'Title', 'Variant SKU', 'Variant Price'],
  createReader,
}

interface Product {
  readonly handle: string
  readonly title: string
  readonly description: string | null
  readonly category: string | null
  readonly imageUrl: string | null
}

type FieldOf = (column: string) => string

const longestDescription = 20_000

function createReader({ places }: Header, values: ValueReaders) {
  let product: Product | undefined
  return (fields: readonly string[]): ProductReading => {
    const reading = new FieldReading(values)
    const field: FieldOf = (column) => fields[places.get(column) ?? -1] ?? ''
    const handle = reading.text('Handle', field('Handle'))
    if (handle !== product?.handle || field('Title').trim() !== '')
      product = openProduct(reading, handle, field)
    const isPicture = field('Variant Price').trim() === '' && field('Variant SKU').trim() === ''
    if (isPicture && !reading.refused) return { line: null, remarks: [] }
    if (product.title === '') reading.refuse('no_description', 'the product has no Title')
    const line = readVariant(reading, product, field)
    return { line: reading.refused ? null : line, remarks: reading.remarks }
  }
}

function openProduct(reading: FieldReading, handle: string, field: FieldOf): Product {
  const body = field('Body (HTML)')
  if (body.includes('\0')) reading.refuse('nul_byte', 'Body (HTML) holds a NUL byte')
  if (body.length > longestDescription)
    reading.refuse(
      'field_too_long',
      `Body (HTML) has ${body.length} characters, more than ${longestDescription}`,
    )
  return {
    handle,
    title: reading.text('Title', field('Title')),
    description: body.trim() || null,
    category: reading.text('Type', field('Type') || field('Product Category')) || null,
    imageUrl: reading.text('Image Src', field('Image Src')) || null,
  }
}

function readVariant(reading: FieldReading, product: Product, field: FieldOf): ProductLine {
  const options = ['Option1 Value', 'Option2 Value', 'Option3 Value']
    .map((column) => reading.text(column, field(column)))
    .filter((value) => value !== '' && value !== 'Default Title')
  // An order export names a variant in just this way, and by nothing else when there is no SKU.
  const name = options.length > 0 ? `${product.title} - ${options.join(' / ')}` : product.title
  const tracked = field('Variant Inventory Tracker').trim() !== ''
  return {
    code: reading.nameOf('Variant SKU', field('Variant SKU')).replace(/^'/, '') || name.slice(0, longestName),
    name,
    description: product.description,
    service: field('Variant Requires Shipping').trim().toLowerCase() === 'false' && !tracked,
    price: positivePrice(reading, 'Variant Price', field) ?? '0',
    compareAtPrice: positivePrice(reading, 'Variant Compare At Price', field),
    cost: positivePrice(reading, 'Cost per item', field),
    counted: tracked ? countOf(reading, field('Variant Inventory Qty')) : null,
    category: product.category,
    imageUrl: reading.text('Variant Image', field('Variant Image')) || product.imageUrl,
  }
}

function positivePrice(reading: FieldReading, column: string, field: FieldOf): string | null {
  const text = field(column).trim()
  if (text === '') return null
  const price = reading.price(column, text)
  const refusal: FindingCode = 'bad_price'
  if (price.startsWith('-')) reading.refuse(refusal, `${column} is negative: ${price}`)
  return price
}

/** Shopify lets stock go below zero (oversold); a shelf cannot. */
function countOf(reading: FieldReading, value: string): number {
  const text = value.trim()
  if (text === '' || /^0+$/.test(text)) return 0
  const counted = reading.quantity('Variant Inventory Qty', text)
  if (counted < 0) reading.note('stock_below_zero', `${counted} units in stock are taken as none`)
  return Math.max(0, counted)
}
