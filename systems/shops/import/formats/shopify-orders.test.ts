import { createTimeReader, readHeader } from '@plinth/platform/tabular'
import { describe, expect, it } from 'vitest'
import { shopifyOrdersFormat } from './shopify-orders.ts'

const header = [
  'Name',
  'Email',
  'Financial Status',
  'Fulfillment Status',
  'Currency',
  'Discount Amount',
  'Created at',
  'Lineitem quantity',
  'Lineitem name',
  'Lineitem price',
  'Lineitem sku',
  'Lineitem requires shipping',
  'Billing Name',
  'Billing Country',
  'Cancelled at',
  'Payment Method',
] as const
type Row = Partial<Record<(typeof header)[number], string>>

const firstRow: Row = {
  Name: '#1001',
  Email: 'ada@example.test',
  'Financial Status': 'paid',
  'Fulfillment Status': 'fulfilled',
  Currency: 'GBP',
  'Discount Amount': '1.50',
  'Created at': '2024-01-15 10:30:00 -0500',
  'Lineitem quantity': '2',
  'Lineitem name': 'Mug - Blue',
  'Lineitem price': '7.95',
  'Lineitem sku': 'MUG-B',
  'Lineitem requires shipping': 'true',
  'Billing Name': 'Ada Byron',
  'Billing Country': 'GB',
  'Payment Method': 'Shopify Payments',
}
const secondRow: Row = {
  Name: '#1001',
  Email: 'ada@example.test',
  'Lineitem quantity': '1',
  'Lineitem name': 'Gift wrapping',
  'Lineitem price': '0.00',
  'Lineitem requires shipping': 'false',
}

function readAll(rows: readonly Row[]) {
  const read = shopifyOrdersFormat.createReader(readHeader(header, 'sample'), {
    decimalSign: 'either',
    readTime: createTimeReader('Europe/London'),
  })
  return rows.map((row) => read(header.map((column) => row[column] ?? '')))
}

describe('a Shopify order', () => {
  it('carries its first row’s facts over all of its lines', () => {
    const [first, second] = readAll([firstRow, secondRow])
    expect(first?.line).toMatchObject({
      document: '#1001',
      code: 'MUG-B',
      quantity: 2,
      unitPrice: '7.95',
      at: '2024-01-15T15:30:00Z',
      customer: 'ada@example.test',
      service: false,
      order: {
        status: 'Completed',
        paymentMethod: 'Shopify Payments',
        discount: '1.50',
        currency: 'GBP',
        customer: { name: 'Ada Byron', email: 'ada@example.test' },
      },
    })
    expect(second?.line).toMatchObject({
      code: 'Gift wrapping',
      at: '2024-01-15T15:30:00Z',
      country: 'GB',
      service: true,
    })
    expect(second?.line?.order).toBeUndefined()
    expect(second?.remarks.map(([code]) => code)).toEqual(['free_line'])
  })

  it.each([
    [{ 'Fulfillment Status': 'unfulfilled' }, 'Confirmed'],
    [{ 'Financial Status': 'pending' }, 'Pending'],
    [{ 'Financial Status': 'authorized' }, 'Pending'],
    [{ 'Financial Status': 'voided' }, 'Cancelled'],
    [{ 'Cancelled at': '2024-01-16 10:00:00 -0500' }, 'Cancelled'],
    [{ 'Financial Status': 'refunded', 'Cancelled at': '2024-01-16 10:00:00 -0500' }, 'Return'],
    [{ 'Financial Status': 'partially_refunded' }, 'Completed'],
  ] as const)('with %j is %s', (changes, status) => {
    expect(readAll([{ ...firstRow, ...changes }])[0]?.line?.order?.status).toBe(status)
  })

  it('refuses lines whose order never said when it was made', () => {
    const [orphan] = readAll([{ ...secondRow, Name: '#1002' }])
    expect(orphan).toMatchObject({ document: '#1002', line: null })
    expect(orphan?.remarks.map(([code]) => code)).toContain('bad_time')
  })
})
