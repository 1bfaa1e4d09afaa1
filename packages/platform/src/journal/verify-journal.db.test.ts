import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newKey } from '@plinth/platform/kernel'
import { asSuperuser } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { rehashChain } from './tests/rehash-chain.ts'
import { type JournalVerification, verifyJournal } from './verify-journal.ts'

const tenants = 20
const appends = 10_000
const writers = 8

const test_ = useTail(
  `create table events (id int primary key, shop_id text not null, note text, amount numeric);`,
  {
    journalled: ['events'],
    tenant: { table: 'shops', column: 'shop_id' },
  },
)

/** Runs SQL as an administrator who switches the guards off, which is what tampering takes. */
async function tamper(text: string): Promise<void> {
  await asSuperuser(test_.database.addresses, `set session_replication_role = replica; ${text}`)
}

const kindsOf = ({ problems }: JournalVerification) => [...new Set(problems.map(({ kind }) => kind))].sort()
const verify = () => verifyJournal(test_)

test(`AT-43: ${appends} concurrent appends verify`, async () => {
  const write = async (writer: number) => {
    for (let id = writer; id < appends; id += writers)
      await test_.run(`insert into events values ($1, $2, 'note', 1.5)`, id, `shop ${id % tenants}`)
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  await test_.tail.settle(60_000)
  // The chain's ends are written to the file within a second; what is compared must not depend on when.
  await expect.poll(async () => (await verify()).witnessed, { timeout: 5_000 }).toBe(tenants)
  expect(await verify()).toEqual({
    sound: true,
    entries: appends,
    tenants,
    witnessed: tenants,
    since: expect.any(String),
    problems: [],
    findings: [],
  })
  expect(await verifyJournal({ ...test_, tenant: 'shop 3' })).toMatchObject({
    sound: true,
    entries: appends / tenants,
  })
}, 60_000)

test.each([
  ['tenant', `'shop 99'`, ['altered', 'cut_off', 'missing', 'unlinked']],
  ['sequence', '100000', ['altered', 'missing', 'rewritten']],
  ['position', `'0/1'`, ['altered']],
  ['committed_at', `committed_at + interval '1 microsecond'`, ['altered']],
  ['actor', `'{"user":"eve"}'`, ['altered']],
  ['relation', `'public.others'`, ['altered']],
  ['key', `'["0"]'`, ['altered']],
  ['operation', `'delete'`, ['altered']],
  ['before', `'{}'`, ['altered']],
  ['after', `(replace(after::text, '1.5', '1.6'))::json`, ['altered']],
  ['after', `(after::text || ' ')::json`, ['altered']],
  ['previous_hash', `sha256('x')`, ['altered', 'unlinked']],
  ['hash', `sha256('x')`, ['altered', 'unlinked']],
])('AT-43: an altered %s (%s) is detected', async (column, value, kinds) => {
  const where = `tenant = 'shop 5' and sequence = 250`
  await tamper(`create table public.kept as select * from plinth_journal.entries where ${where}`)
  await tamper(`update plinth_journal.entries set ${column} = ${value} where ${where}`)
  const found = await verify()
  await tamper(`delete from plinth_journal.entries j using public.kept k where j.position = k.position or j.hash = k.hash or
    (j.tenant = k.tenant and j.sequence = k.sequence);
    insert into plinth_journal.entries select * from public.kept; drop table public.kept`)
  expect(found.sound).toBe(false)
  expect(kinds).toEqual(expect.arrayContaining(kindsOf(found)))
  expect(found.problems[0]).toMatchObject({
    sequence: expect.any(Number),
    tenant: expect.stringContaining('shop'),
  })
  expect(await verify()).toMatchObject({ sound: true })
})

test('AT-43: entries that change places, go missing or are put in are detected', async () => {
  const swap = `update plinth_journal.entries set sequence = case sequence when 10 then 11 else 10 end
    where tenant = 'shop 1' and sequence in (10, 11)`
  await tamper(swap.replace('then 11 else 10', 'then -11 else -10'))
  await tamper(`update plinth_journal.entries set sequence = -sequence where sequence < 0`)
  expect(kindsOf(await verify())).toEqual(['altered', 'unlinked'])
  await tamper(swap.replace('then 11 else 10', 'then -11 else -10'))
  await tamper(`update plinth_journal.entries set sequence = -sequence where sequence < 0`)
  expect(await verify()).toMatchObject({ sound: true })

  await tamper(
    `create table public.kept as select * from plinth_journal.entries where tenant = 'shop 2' and sequence = 7`,
  )
  await tamper(`delete from plinth_journal.entries where tenant = 'shop 2' and sequence = 7`)
  expect((await verify()).problems).toEqual([{ tenant: 'shop 2', sequence: 8, kind: 'missing' }])
  await tamper(`insert into plinth_journal.entries select * from public.kept; drop table public.kept`)
  expect(await verify()).toMatchObject({ sound: true })
})

test('AT-43: an end that was cut off is noticed, with the heads in the database cut to match', async () => {
  await tamper(
    `create table public.kept as select * from plinth_journal.entries where tenant = 'shop 4' and sequence > 490`,
  )
  await tamper(`create table public.kept_head as select * from plinth_journal.heads where tenant = 'shop 4'`)
  await tamper(`delete from plinth_journal.entries where tenant = 'shop 4' and sequence > 490`)
  await tamper(`update plinth_journal.heads h set sequence = j.sequence, hash = j.hash from plinth_journal.entries j
    where h.tenant = 'shop 4' and j.tenant = 'shop 4' and j.sequence = 490`)
  expect((await verify()).problems).toEqual([{ tenant: 'shop 4', sequence: 491, kind: 'cut_off' }])
  await tamper(`insert into plinth_journal.entries select * from public.kept; drop table public.kept`)
  await tamper(`update plinth_journal.heads h set sequence = k.sequence, hash = k.hash from public.kept_head k
    where h.tenant = k.tenant; drop table public.kept_head`)
  expect(await verify()).toMatchObject({ sound: true })
})

test('AT-43: the end that the database keeps of a chain cannot be altered either', async () => {
  const head = `select hash from plinth_journal.entries where tenant = 'shop 7' and sequence = 500`
  await tamper(`update plinth_journal.heads set hash = sha256('x') where tenant = 'shop 7'`)
  expect((await verify()).problems).toEqual([{ tenant: 'shop 7', sequence: 500, kind: 'rewritten' }])
  await tamper(`update plinth_journal.heads set hash = (${head}), sequence = 499 where tenant = 'shop 7'`)
  expect((await verify()).problems).toEqual([{ tenant: 'shop 7', sequence: 500, kind: 'rewritten' }])
  await tamper(`update plinth_journal.heads set sequence = 500 where tenant = 'shop 7'`)
  expect(await verify()).toMatchObject({ sound: true })
})

test('AT-43: entries of two tenants that change places are detected', async () => {
  const move = (from: string, to: string) =>
    tamper(`update plinth_journal.entries set tenant = '${to}' where tenant = '${from}' and sequence = 3`)
  const swap = async () => {
    await move('shop 8', 'aside')
    await move('shop 9', 'shop 8')
    await move('aside', 'shop 9')
  }
  await swap()
  expect((await verify()).problems).toMatchObject([
    { tenant: 'shop 8', sequence: 3, kind: 'altered' },
    { tenant: 'shop 8', sequence: 3, kind: 'unlinked' },
    { tenant: 'shop 8', sequence: 4, kind: 'unlinked' },
    { tenant: 'shop 9', sequence: 3, kind: 'altered' },
    { tenant: 'shop 9', sequence: 3, kind: 'unlinked' },
    { tenant: 'shop 9', sequence: 4, kind: 'unlinked' },
  ])
  await swap()
  expect(await verify()).toMatchObject({ sound: true })
})

test('AT-43: a chain that was computed anew from end to end differs from the end that was kept outside', async () => {
  await tamper(`create table public.kept as select * from plinth_journal.entries where tenant = 'shop 6'`)
  await tamper(`
    update plinth_journal.entries set actor = null, after = '{"amount":"1000000"}' where tenant = 'shop 6' and sequence = 1;
    ${rehashChain('shop 6')}`)
  expect(kindsOf(await verify())).toEqual(['rewritten'])
  await tamper(
    `delete from plinth_journal.entries where tenant = 'shop 6'; insert into plinth_journal.entries select * from public.kept`,
  )
  expect(await verify()).toMatchObject({ sound: true })
})

test('the witness cannot be altered either', async () => {
  const path = join(test_.folder, 'witness')
  const text = await readFile(path, 'utf8')
  const altered = { sound: false, findings: [{ kind: 'witness', what: 'altered' }] }
  await writeFile(path, text.replace('shop 4', 'shop 0'))
  expect(await verify()).toMatchObject(altered)
  await writeFile(path, text)
  expect(await verifyJournal({ ...test_, key: newKey() })).toMatchObject(altered)
  // A line that the power cut short is no damage.
  await appendFile(path, '{"kind":"sto')
  expect(await verify()).toMatchObject({ sound: true })
  await writeFile(path, text)
})
