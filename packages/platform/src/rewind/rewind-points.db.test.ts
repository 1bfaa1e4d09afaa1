import { useRewind, useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { showJournal } from '../journal/index.ts'

const schema = `
create table shops (id uuid primary key, name text not null);
create table items (id int primary key, shop_id uuid not null references shops, name text);`

const shop = '0b9d4f0a-2c3e-4d5f-8a6b-7c8d9e0f1a2b'
const other = '1c9d4f0a-2c3e-4d5f-8a6b-7c8d9e0f1a2b'
const test_ = useTail(`${schema} insert into shops values ('${shop}', 'Mine'), ('${other}', 'Quiet')`, {
  journalled: ['shops', 'items'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { run } = test_
const { rewind, preview, head } = useRewind(test_)
const failing = (code: string) => expect.objectContaining({ code })
const name = async () => (await run('select name from items where id = 1'))[0]?.name

test('the instant that is printed beside a change is the state just after it, one microsecond less the state before', async () => {
  await run(`insert into items values (1, $1, 'first')`, shop)
  await run(`update items set name = 'second'`)
  await run(`update items set name = 'third'`)
  await test_.tail.settle()
  const shown = await showJournal({ database: test_.database, tenant: shop, limit: 2 })
  const [second, third] = shown.map(({ committedAt }) => committedAt) as [string, string]
  expect(second).toMatch(/\.\d{6}Z$/)
  const justBefore = third.replace(/\d{6}Z$/, (digits) => {
    return `${String(Number.parseInt(digits, 10) - 1).padStart(6, '0')}Z`
  })
  expect(await preview(shop, third)).toMatchObject({ undone: 0 })
  expect(await preview(shop, justBefore)).toMatchObject({ undone: 1 })
  await rewind(shop, second)
  expect(await name()).toBe('second')
})

test('an instant may be written with any offset, and not without one', async () => {
  const [last] = await showJournal({ database: test_.database, tenant: shop, limit: 1 })
  const inDelhi = `${new Date(Date.parse(last!.committedAt) + 19_800_000).toISOString().slice(0, 19)}${last!.committedAt.slice(19, -1)}+05:30`
  expect(await preview(shop, inDelhi)).toMatchObject({ undone: 0 })
  for (const text of ['2026-01-15T12:00:00', '2026-02-30T12:00:00Z', 'yesterday', ''])
    await expect(preview(shop, text)).rejects.toEqual(failing('rewind_unknown_point'))
})

test('a number is refused where its instant is: what came after it may be missing', async () => {
  const number = await head(shop)
  await test_.asJournal(`insert into plinth_journal.gaps (until_position, reason, noticed_at)
    values (pg_current_wal_lsn(), 'slot_lost', clock_timestamp())`)
  await run(`update items set name = 'after the gap'`)
  const later = await head(shop)
  const [{ at }] = (await test_.asJournal(
    `select to_char(committed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
     from plinth_journal.entries where tenant = $1 and sequence = $2`,
    shop,
    number,
  )) as [{ at: string }]
  await expect(rewind(shop, at)).rejects.toEqual(failing('rewind_crosses_gap'))
  await expect(rewind(shop, number)).rejects.toMatchObject({
    code: 'rewind_crosses_gap',
    details: { oldest: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/) },
  })
  await run(`update items set name = 'wrong'`)
  await rewind(shop, later)
  expect(await name()).toBe('after the gap')
})

test('a point older than the journal names the oldest point', async () => {
  await expect(preview(shop, '2020-01-01T00:00:00Z')).rejects.toMatchObject({
    details: { oldest: expect.stringMatching(/Z$/) },
  })
})

test('a tenant that is not there, or is written in another way, is an error', async () => {
  const unknown = failing('rewind_unknown_tenant')
  const now = new Date()
  await expect(preview('2c9d4f0a-2c3e-4d5f-8a6b-7c8d9e0f1a2b', now)).rejects.toEqual(unknown)
  await expect(preview('no uuid', now)).rejects.toEqual(unknown)
  await expect(preview(`${shop} `, 0)).rejects.toEqual(unknown)
  await expect(rewind(shop.toUpperCase(), now)).rejects.toMatchObject({
    code: 'rewind_unknown_tenant',
    message: expect.stringContaining(`Did you mean "${shop}"?`),
  })
  // One without any change, and what belongs to the project as a whole, are known.
  expect(await preview(other, 0)).toMatchObject({ undone: 0, tables: [] })
  expect(await preview('', new Date())).toMatchObject({ undone: 0 })
})

test('a tenant that was not there at the point is removed only when somebody has said so; the undo brings it back', async () => {
  const fresh = '3d9d4f0a-2c3e-4d5f-8a6b-7c8d9e0f1a2b'
  await run(`insert into shops values ($1, 'Fresh')`, fresh)
  await head(fresh)
  expect(await preview(fresh, 0)).toMatchObject({ removesTenant: true })
  await expect(rewind(fresh, 0)).rejects.toEqual(failing('rewind_removes_tenant'))
  const { undoneBy } = await rewind(fresh, 0, { removeTenant: true })
  expect(await run('select from shops where id = $1', fresh)).toEqual([])
  await rewind(fresh, undoneBy!)
  expect(await run('select name from shops where id = $1', fresh)).toEqual([{ name: 'Fresh' }])
})

test('an undo can be undone, and that again', async () => {
  await run(`update items set name = 'good'`)
  const point = await head(shop)
  await run(`update items set name = 'bad'`)
  const first = await rewind(shop, point)
  expect(await name()).toBe('good')
  const second = await rewind(shop, first.undoneBy!)
  expect(await name()).toBe('bad')
  const third = await rewind(shop, second.undoneBy!)
  expect(await name()).toBe('good')
  await rewind(shop, third.undoneBy!)
  expect(await name()).toBe('bad')
})
