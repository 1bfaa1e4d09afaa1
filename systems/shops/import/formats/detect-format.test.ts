import { readHeader } from '@plinth/platform/tabular'
import { describe, expect, it } from 'vitest'
import { detectFormat } from './detect-format.ts'
import { retailFormat } from './retail.ts'
import { shopifyOrdersFormat } from './shopify-orders.ts'

const formats = [retailFormat, shopifyOrdersFormat]
const detect = (header: readonly string[], wanted?: string) =>
  detectFormat(readHeader(header, 'sample.csv'), formats, 'sample.csv', wanted)

describe('the header', () => {
  it('tells the format, in any order of columns and with columns nobody asked for', () => {
    const detected = detect(['Note', ...[...retailFormat.columns].reverse()])
    expect(detected.name).toBe('retail')
    expect(detect(shopifyOrdersFormat.columns).name).toBe('shopify-orders')
  })

  it.each([
    ['a line of data', ['536365', '85123A', 'HOLDER', '6', '2010-12-01', '2.55', '17850.0', 'UK']],
    ['an empty one', ['']],
  ])('is unknown: %s', (_what, header) => {
    expect(() => detect(header)).toThrow(expect.objectContaining({ code: 'import_unknown_columns' }))
  })

  it('names what is missing when most columns are there, or a format was asked for', () => {
    const missing = expect.objectContaining({ code: 'import_missing_columns' })
    expect(() => detect(retailFormat.columns.slice(1))).toThrow(missing)
    expect(() => detect(retailFormat.columns, 'shopify-orders')).toThrow(missing)
  })
})
