import { readFile, writeFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { silentLog } from '@plinth/platform/kernel'
import { createFakeClock, waitFor } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import { afterAll, expect, test } from 'vitest'
import { previewRewind } from '../rewind/index.ts'
import type { Tail } from '../tail/index.ts'
import { archiveJournal } from './archive-journal.ts'
import { createJournal } from './create-journal.ts'
import { verifyJournal } from './verify-journal.ts'

const test_ = useTail(
  'create table items (id int primary key, shop_id text);',
  { journalled: ['items'], tenant: { table: 'shops', column: 'shop_id' } },
  { running: false },
)
const clock = createFakeClock(new Date())
const day = 86_400_000
let tail: Tail | undefined
afterAll(() => tail?.stop())

async function start(): Promise<Tail> {
  const { database, key, folder } = test_
  const journal = createJournal({ database, key, folder, clock, log: silentLog })
  tail = test_.createTail({ durable: [journal], gatherMilliseconds: 0 })
  tail.start()
  await waitFor(() => tail!.holds())
  return tail
}

const archive = (keepDays?: number) =>
  archiveJournal({ ...test_, clock, witness: test_.createWitness(), ...(keepDays ? { keepDays } : {}) })
const write = async (id: number, shop: string) => {
  await test_.run('insert into items values ($1, $2)', id, shop)
  await tail!.settle()
}

test('days that are old enough leave for a file; the chains go on and verify from their anchors', async () => {
  await start()
  for (let n = 0; n < 5; n += 1) await write(n, 'a')
  await write(5, 'only then')
  clock.advance(day)
  await write(6, 'a')
  clock.advance(29 * day)
  await write(7, 'a')
  await write(8, 'b')
  // The ends of the chains are written within a second; verification must not depend on when.
  await expect.poll(async () => (await verifyJournal(test_)).witnessed, { timeout: 5_000 }).toBe(3)

  const left = await archive()
  expect(left).toMatchObject([{ entries: 6, day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) }])
  expect(
    gunzipSync(await readFile(left[0]!.file))
      .subarray(0, 6)
      .toString(),
  ).toBe('PGCOPY')
  expect(await archive()).toEqual([])
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: 3, problems: [] })
  await write(9, 'only then')
  await write(10, 'a')
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: 5 })

  const options = { ...test_, tail: tail!, clock, tenant: 'a' }
  await expect(previewRewind({ ...options, to: 4 })).rejects.toMatchObject({ code: 'rewind_archived' })
  expect(await previewRewind({ ...options, to: 5 })).toMatchObject({ undone: 3 })
  await test_.asJournal(`update plinth_journal.gaps set noticed_at = '2000-01-01'`)
  await test_.asJournal(`update plinth_journal.tables set since = '2000-01-01'`)
  const past = new Date(Date.now() - day)
  await expect(previewRewind({ ...options, to: past })).rejects.toMatchObject({ code: 'rewind_archived' })
})

test('an archive that was altered keeps its day in the database', async () => {
  const left = await archive(29)
  expect(left).toHaveLength(1)
  clock.advance(day)
  await write(20, 'a')
  clock.advance(2 * day)
  await write(21, 'a')
  // As if the process had ended after the file was written.
  const name = clock.now().toISOString().slice(0, 10)
  await test_.asJournal(
    `insert into plinth_journal.archives (day, file, entries, sha256) values ($1::date - 2, $2, 1, sha256('x'))`,
    name,
    left[0]!.file,
  )
  await expect(archive(2)).rejects.toMatchObject({ code: 'journal_archive_broken' })
  await writeFile(left[0]!.file, 'x')
  await expect(archive(2)).resolves.toHaveLength(1)
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: 1 })
})

test('a clock that was ahead puts no entries into days that come before, and keeps none from leaving', async () => {
  clock.advance(-10 * day)
  await write(30, 'a')
  await tail!.stop()
  await start()
  await write(31, 'a')
  const disorder = await test_.run(
    `select from plinth_journal.entries a join plinth_journal.entries b using (tenant)
     where a.sequence < b.sequence and a.day > b.day`,
  )
  expect(disorder).toEqual([])
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: 3 })
  clock.advance(2 * day)
  await write(32, 'a')
  clock.advance(day)
  // Its day is ahead of the clock; the ones after it were begun long enough ago.
  expect(await archive(2)).toHaveLength(2)
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: 1 })
})
