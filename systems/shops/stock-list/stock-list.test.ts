import { expect, it } from 'vitest'
import { readStockList, writeStockList } from './stock-list.ts'

const mug = {
  id: '11111111-1111-4111-8111-111111111111',
  sku: 'M-1',
  name: 'Mug, "blue"\nlarge',
  category: null,
  retail_price: '2.50',
  stock: 7,
}

it('a list that comes back as it was says what it said', async () => {
  const items = [
    mug,
    { ...mug, id: '22222222-2222-4222-8222-222222222222', sku: '=1+1', name: '=HYPERLINK("x")', stock: -2 },
  ]
  const csv = writeStockList(items)
  expect(csv).toContain(`"'=HYPERLINK(""x"")"`)
  expect(await readStockList(csv)).toEqual(
    items.map(({ id, sku, stock }) => ({
      line: expect.any(Number),
      id,
      sku,
      counted: stock,
      expected: stock,
    })),
  )
})

it('takes lists by sku alone, with other columns, semicolons and Windows line ends', async () => {
  expect(await readStockList('Note;sku;stock\r\nx;A-1;5\r\n\r\ny;A-2;0\r\n')).toEqual([
    { line: 2, id: null, sku: 'A-1', counted: 5, expected: null },
    { line: 4, id: null, sku: 'A-2', counted: 0, expected: null },
  ])
})

it.each([
  ['no column stock', 'id,units\nx,1\n'],
  ['neither a column id nor', 'name,stock\nx,1\n'],
  ['stock is no whole number', 'sku,stock\nx,1.5\n'],
  ['stock is empty', 'sku,stock\nx,\n'],
  ['names no item', 'sku,stock\n,5\n'],
  ['has no lines', 'sku,stock\n'],
  ['never closed', 'sku,stock\n"x,5\n'],
  ['more than 5000', `sku,stock\n${'x,1\n'.repeat(5_001)}`],
])('refuses a list: %s', async (problem, csv) => {
  await expect(readStockList(csv)).rejects.toMatchObject({
    code: 'invalid_csv',
    message: expect.stringContaining(problem),
  })
})
