import { createTimeReader, readHeader } from '@plinth/platform/tabular'
import { describe, expect, it } from 'vitest'
import { retailFormat } from './retail.ts'

const header = readHeader(retailFormat.columns, 'sample')
const read = retailFormat.createReader(header, {
  decimalSign: 'either',
  readTime: createTimeReader('Europe/London'),
})

/** A good line with some of its fields replaced. */
function lineWith(changes: Record<string, string> = {}) {
  const good = {
    InvoiceNo: '700001',
    StockCode: 'MUG-1',
    Description: 'BLUE MUG',
    Quantity: '6',
    InvoiceDate: '2011-06-01 09:00:00',
    UnitPrice: '2.55',
    CustomerID: '17850.0',
    Country: 'Norway',
  }
  return read(Object.values({ ...good, ...changes }))
}

const codesOf = (reading: ReturnType<typeof read>) => reading.remarks.map(([code]) => code)

describe('a retail line', () => {
  it('becomes a line of a sale, its time in UTC and its customer without the fraction', () => {
    expect(lineWith()).toEqual({
      document: '700001',
      remarks: [],
      line: {
        document: '700001',
        kind: 'sale',
        code: 'MUG-1',
        description: 'BLUE MUG',
        quantity: 6,
        unitPrice: '2.55',
        at: '2011-06-01T08:00:00Z',
        customer: '17850',
        country: 'Norway',
        service: false,
      },
    })
  })

  it.each([
    ['a cancellation', { InvoiceNo: 'C700001', Quantity: '-6' }, 'cancellation', []],
    ['a cancellation that takes', { InvoiceNo: 'C700001' }, 'cancellation', ['positive_cancellation']],
    [
      'bad debt',
      { InvoiceNo: 'A700001', UnitPrice: '-11062.06' },
      'accounting',
      ['accounting_entry', 'negative_price'],
    ],
    ['damage', { Quantity: '-6', UnitPrice: '0', CustomerID: '' }, 'adjustment', ['stock_written_off']],
    ['a find', { UnitPrice: '0.0', CustomerID: '' }, 'adjustment', ['stock_found']],
    ['a gift', { UnitPrice: '0' }, 'sale', ['free_line']],
    ['a return without C', { Quantity: '-6' }, 'sale', ['negative_quantity']],
    ['a tenth of a penny', { UnitPrice: '0.001' }, 'sale', ['fractional_minor_unit']],
    ['trailing zeros', { UnitPrice: '2.5500' }, 'sale', []],
    ['no description', { Description: '  ' }, 'sale', ['no_description']],
    ['an hour that was skipped', { InvoiceDate: '2011-03-27 01:30:00' }, 'sale', ['time_skipped']],
    ['an hour that came twice', { InvoiceDate: '2011-10-30 01:30:00' }, 'sale', ['time_repeated']],
    ['a formula as text', { Description: '=HYPERLINK("http://x")' }, 'sale', []],
  ])('knows %s', (_what, changes, kind, codes) => {
    const reading = lineWith(changes)
    expect(reading.line?.kind).toBe(kind)
    expect(codesOf(reading)).toEqual(codes)
  })

  it.each([
    ['no_document', { InvoiceNo: ' ' }],
    ['no_code', { StockCode: '' }],
    ['bad_quantity', { Quantity: 'six' }],
    ['bad_quantity', { Quantity: '1.5' }],
    ['bad_quantity', { Quantity: '99999999999' }],
    ['bad_quantity', { Quantity: '2147483648' }],
    ['bad_quantity', { Quantity: '=1+1' }],
    ['zero_quantity', { Quantity: '0' }],
    ['bad_price', { UnitPrice: '1,500' }],
    ['bad_price', { UnitPrice: '' }],
    ['bad_price', { UnitPrice: 'NaN' }],
    ['bad_price', { UnitPrice: '1e9' }],
    ['bad_time', { InvoiceDate: '01/12/2010 08:26' }],
    ['bad_time', { InvoiceDate: '2010-02-30 08:26:00' }],
    ['nul_byte', { Description: 'A\0B' }],
    ['line_break_in_field', { Description: 'A\n700002,MUG-2' }],
    ['field_too_long', { Description: 'x'.repeat(501) }],
  ])('is refused as %s: %j', (code, changes) => {
    const reading = lineWith(changes)
    expect(reading.line).toBeNull()
    expect(codesOf(reading)).toEqual([code])
  })

  it('names its order even when it is refused, so that the order is not imported in part', () => {
    expect(lineWith({ Quantity: '0' }).document).toBe('700001')
  })

  it.each(['POST', 'D', 'M', 'm', 'BANK CHARGES', 'B'])('knows that %s is never in stock', (StockCode) => {
    expect(lineWith({ StockCode }).line?.service).toBe(true)
  })
})
