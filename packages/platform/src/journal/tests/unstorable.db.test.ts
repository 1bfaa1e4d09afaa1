import { useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { eraseSubject } from '../seal/subject-keys.ts'
import { showJournal } from '../show-journal.ts'
import { verifyJournal } from '../verify-journal.ts'

const test_ = useTail(`create table notes (id int primary key, shop_id text, author text, body text);`, {
  journalled: ['notes'],
  tenant: { table: 'shops', column: 'shop_id' },
  personal: { notes: { columns: ['body'], subject: 'author' } },
})
const { run, asJournal } = test_
/** Not to be made shorter by compression. */
const long = Array.from({ length: 500 }, () => Math.random().toString(36).slice(2, 12)).join('')
const unstorable = async () =>
  (await run(`select from plinth_journal.gaps where reason = 'unstorable'`)).length
const lastGap = async () =>
  (await run('select reason from plinth_journal.gaps order by id desc limit 1'))[0]?.reason

test('a tenant whose name fits into no index is left out and recorded as a gap; everybody else is journalled', async () => {
  await run(`insert into notes values (1, 'a', 'ada', 'x'), (2, $1, 'ada', 'x'), (3, 'a', 'ada', 'x')`, long)
  await run(`update notes set shop_id = $1 where id = 3`, long)
  await run(`insert into notes values (4, 'a', 'ada', 'x')`)
  const entries = await test_.entries()
  expect(entries.map(({ operation, key }) => [operation, key])).toEqual([
    ['insert', '["1"]'],
    ['insert', '["3"]'],
    ['delete', '["3"]'],
    ['insert', '["4"]'],
  ])
  expect(await lastGap()).toBe('unstorable')
})

test('a person of any name is sealed, opened and erased', async () => {
  await run(`insert into notes values (10, 'b', $1, 'a secret')`, long)
  await test_.tail.settle()
  const { database, key } = test_
  const bodyOf = async () => {
    const [entry] = await showJournal({ database, key, tenant: 'b' })
    return entry!.changes.find(({ column }) => column === 'body')!.to
  }
  expect(await bodyOf()).toBe('a secret')
  expect(await eraseSubject(database, long)).toBe(1)
  expect(await bodyOf()).toBe('(erased)')
})

test('of a transaction that PostgreSQL does not take whole, the rows that it refuses are left out', async () => {
  const entriesBefore = (await test_.entries()).length
  const gapsBefore = await unstorable()
  await asJournal(
    `alter table plinth_journal.entries add constraint refused check (key not in ('["666"]', '["1333"]')) not valid`,
  )
  await run(`insert into notes select n, 'c', 'carl', 'x' from generate_series(101, 1500) n`)
  await run(`insert into notes values (2000, 'c', 'carl', 'x')`)
  const entries = (await test_.entries()).slice(entriesBefore)
  expect(entries).toHaveLength(1_399)
  expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 1_399 }, (_, n) => n + 1))
  expect(entries.map(({ key }) => key)).not.toContain('["666"]')
  expect(entries.at(-1)).toMatchObject({ key: '["2000"]' })
  expect((await unstorable()) - gapsBefore).toBe(2)
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, problems: [] })
})
