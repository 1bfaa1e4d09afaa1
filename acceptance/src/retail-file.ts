import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'

/** Lines and their sum, of one order or of many. */
export interface Sum {
  readonly lines: number
  /** Sum of quantity × price, in thousandths of a pound. */
  readonly amount: bigint
}

/** What a retail file holds, counted without any of Plinth's code. */
export interface RetailFile extends Sum {
  readonly orders: ReadonlyMap<string, Sum>
  readonly items: number
}

/** Counts a file in the columns of UCI "Online Retail". */
export async function countRetailFile(path: string): Promise<RetailFile> {
  const orders = new Map<string, Sum>()
  const codes = new Set<string>()
  const count = async (records: AsyncIterable<Record<string, string>>) => {
    for await (const { InvoiceNo, StockCode, Quantity, UnitPrice } of records) {
      codes.add(StockCode!)
      const amount = BigInt(Quantity!) * thousandths(UnitPrice!)
      orders.set(InvoiceNo!, add(orders.get(InvoiceNo!) ?? none, { lines: 1, amount }))
    }
  }
  await pipeline(createReadStream(path), createGunzip(), parse({ columns: true, bom: true }), count)
  return { ...sumOf(orders.values()), orders, items: codes.size }
}

export const none: Sum = { lines: 0, amount: 0n }

export const add = (a: Sum, b: Sum): Sum => ({ lines: a.lines + b.lines, amount: a.amount + b.amount })

export function sumOf(sums: Iterable<Sum>): Sum {
  let total = none
  for (const sum of sums) total = add(total, sum)
  return total
}

/** A decimal of at most three places, exactly. */
export function thousandths(decimal: string | number): bigint {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,3}))?$/.exec(String(decimal)) ?? []
  if (whole === undefined) throw new Error(`${decimal} is not a decimal of three places`)
  return BigInt(`${sign}${whole}${fraction.padEnd(3, '0')}`)
}
