import { useTestDatabase } from '@plinth/testing'
import { expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readPaymentMigrations } from '../migrations.ts'

const test = useTestDatabase({
  migrations: [readPaymentMigrations()],
  connections: { requests: 1, owner: 16 },
})

const issue = async (tenant: string, key: string, { zone = 'UTC', kind = 'invoice' } = {}) =>
  (
    await test.database.asOwner<{ label: string }>(
      sql`select plinth.issue_document(${tenant}, ${kind}, ${key}, '{"lines": []}', ${zone}, 'INV') as label`,
    )
  ).rows[0]!.label

// AT-23
it('1,000 documents at the same instant: no number twice, none left out, also where transactions are undone', async () => {
  const attempt = async (n: number) => {
    const undone = n % 5 === 0
    await test.database
      .transactionAsOwner(async ({ query }) => {
        await query(sql`select plinth.issue_document('t', 'invoice', ${`order ${n % 900}`}, '{}')`)
        if (undone) throw new Error('undone')
      })
      .catch((error: Error) => {
        if (error.message !== 'undone') throw error
      })
  }
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => attempt(n)))
  const { rows } = await test.database.asOwner<{ count: string; highest: string; keys: string }>(sql`
    select count(*), max(number) as highest, count(distinct key) as keys from plinth.documents where tenant = 't'`)
  expect(rows[0]).toEqual({ count: '720', highest: '720', keys: '720' })
})

it('each tenant, kind and year has a series of its own; the year is that of the zone', async () => {
  const at = async (instant: string, zone: string, key: string, tenant = 'a') =>
    test.database.transactionAsOwner(async ({ query }) => {
      await query(sql`select set_config('plinth.clock', ${instant}, true)`)
      const { rows } = await query<{ label: string }>(
        sql`select plinth.issue_document(${tenant}, 'invoice', ${key}, '{}', ${zone}, 'INV') as label`,
      )
      return rows[0]!.label
    })
  expect(await at('2026-12-31T20:00:00Z', 'UTC', '1')).toBe('INV-2026-000001')
  expect(await at('2026-12-31T20:00:00Z', 'Asia/Kolkata', '2')).toBe('INV-2027-000001')
  expect(await at('2027-01-01T00:00:00Z', 'UTC', '3')).toBe('INV-2027-000002')
  expect(await at('2027-01-01T00:00:00Z', 'UTC', '1', 'b')).toBe('INV-2027-000001')
  expect(await issue('a', '9', { kind: 'credit note' })).toMatch(/-000001$/)
})

it('the same cause issues one document, and a document is never changed', async () => {
  expect(await issue('same', 'order 1')).toBe(await issue('same', 'order 1'))
  for (const text of [
    'update plinth.documents set content = \'{"lines": 1}\'',
    'delete from plinth.documents',
    'truncate plinth.documents',
  ])
    await expect(test.database.asOwner({ text })).rejects.toMatchObject({ code: '23001' })
})
