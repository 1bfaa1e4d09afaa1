import { asSuperuser, waitFor } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { withPinnedClient } from '../../database/index.ts'
import { publishTables } from '../publish-tables.ts'
import { rehashChain } from '../tests/rehash-chain.ts'
import { verifyJournal } from '../verify-journal.ts'

const published = { journalled: ['events'], tenant: { table: 'shops', column: 'shop_id' } }
const test_ = useTail(
  `create table events (id int primary key, shop_id text not null, note text);`,
  published,
)

let id = 0
const write = async (shop: string, count = 1) => {
  for (let each = 0; each < count; each += 1) {
    id += 1
    await test_.run(`insert into events values ($1, $2, 'note')`, id, shop)
  }
  await settle()
}

/** The stream may just be coming back. */
async function settle(): Promise<void> {
  await waitFor(() => test_.tail.holds(), { timeout: 30_000, what: 'the stream' })
  await test_.tail.settle(30_000).catch(settle)
}
const verify = () => verifyJournal(test_)
const asJournal = <T>(
  work: (client: Parameters<Parameters<typeof withPinnedClient<T>>[2]>[0]) => Promise<T>,
) => withPinnedClient(test_.database.addresses.journal, 'test', work)

/** As an administrator of the database who switches the guards off: whoever may do that may write whatever he likes. */
const tamper = (text: string) =>
  asSuperuser(test_.database.addresses, `set session_replication_role = replica; ${text}`)

/** What the tail does whenever its connection is lost: somebody takes over, and goes on from what the database says. */
async function loseTheConnection(): Promise<void> {
  await test_.asAdministrator(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1`,
    `plinth journal ${test_.database.system}`,
  )
}

/** The chain and the end that the database keeps of it. */
const rehash = (tenant: string) => `${rehashChain(tenant)};
  update plinth_journal.heads h set sequence = l.sequence, hash = l.hash from (
    select sequence, hash from plinth_journal.entries where tenant = '${tenant}' order by sequence desc limit 1) l
    where h.tenant = '${tenant}'`

beforeEach(async () => {
  await settle()
  await asJournal((client) => test_.createWitness().accept(client, 'the next test begins'))
  // The running journal compares with what was accepted.
  await loseTheConnection()
  await write('shop', 5)
  await expect.poll(async () => (await verify()).witnessed, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await verify()).toMatchObject({ sound: true, findings: [] })
})
afterAll(() => test_.tail.stop())

test('(a) an entry that was edited, with the chain and its end computed anew, is found after more changes', async () => {
  await tamper(
    `update plinth_journal.entries set actor = '{"user":"eve"}' where tenant = 'shop' and sequence = 2`,
  )
  await tamper(rehash('shop'))
  await loseTheConnection()
  await write('shop', 3)
  expect(await verify()).toMatchObject({ sound: false, findings: [{ kind: 'rewritten', what: 'shop' }] })
  // It stays so, whatever is written and whoever takes over.
  await loseTheConnection()
  await write('shop', 3)
  const { findings, problems } = await verify()
  expect([findings.length, problems]).toEqual([1, []])
})

test('(b) an end that was cut off is found after more changes', async () => {
  await tamper(`delete from plinth_journal.entries where tenant = 'shop' and sequence > (
    select sequence - 2 from plinth_journal.heads where tenant = 'shop')`)
  await tamper(rehash('shop'))
  await loseTheConnection()
  await write('shop', 4)
  expect(await verify()).toMatchObject({ sound: false, findings: [{ kind: 'cut_off', what: 'shop' }] })
})

test('(c) a beginning that was deleted behind an anchor is found at once', async () => {
  await tamper(
    `create table public.kept as select * from plinth_journal.entries where tenant = 'shop' and sequence <= 3`,
  )
  await tamper(`
    insert into plinth_journal.anchors (tenant, sequence, hash, committed_at)
      select tenant, sequence, hash, committed_at from plinth_journal.entries where tenant = 'shop' and sequence = 3
      on conflict (tenant) do update set sequence = excluded.sequence, hash = excluded.hash;
    delete from plinth_journal.entries where tenant = 'shop' and sequence <= 3`)
  expect(await verify()).toMatchObject({
    sound: false,
    findings: [{ kind: 'anchor', what: 'shop', sequence: 3 }],
  })
  await tamper(
    `delete from plinth_journal.anchors; insert into plinth_journal.entries select * from public.kept; drop table public.kept`,
  )
})

test('(e) a table that left the publication and came back is found when Plinth publishes next', async () => {
  const witness = test_.createWitness()
  await asJournal(witness.published)
  await asJournal(witness.checkPublication)
  await tamper(`alter publication plinth_tail drop table public.events`)
  await test_.run(`insert into events values (200000, 'shop', 'never seen')`)
  await tamper(`alter publication plinth_tail add table public.events`)
  await asJournal(witness.checkPublication)
  await publishTables(test_.database, { realtime: [], ...published })
  await asJournal(witness.published)
  expect((await verify()).findings).toEqual([{ kind: 'publication', what: 'public.events' }])
})

test('a record of a gap that was taken out is found', async () => {
  await test_.asJournal(
    `insert into plinth_journal.gaps (from_position, until_position, reason) values ('0/1', '0/2', 'lost slot')`,
  )
  await loseTheConnection()
  await write('shop')
  expect(await verify()).toMatchObject({ sound: true })
  await tamper(`delete from plinth_journal.gaps where reason = 'lost slot'`)
  expect(await verify()).toMatchObject({ sound: false, findings: [{ kind: 'gap', what: '0/1 to 0/2' }] })
})

// That days which Plinth archives are no finding is tested with the archive.
test('a day that is said to be archived, and was not by Plinth, is found', async () => {
  await tamper(`insert into plinth_journal.archives (day, file, entries, sha256, dropped_at)
    values ('2020-01-01', '/tmp/x', 1, sha256('x'), now())`)
  expect(await verify()).toMatchObject({ sound: false, findings: [{ kind: 'archive', what: '2020-01-01' }] })
  await tamper(`delete from plinth_journal.archives where day = '2020-01-01'`)
})

test('a process that is killed between any two steps of storing leaves nothing to be found', async () => {
  for (let round = 0; round < 3; round += 1) {
    const writing = Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        test_.run(`insert into events values ($1, $2, 'note')`, 300_000 + round * 100 + n, `round ${n % 3}`),
      ),
    )
    await loseTheConnection()
    await writing
    await settle()
  }
  await loseTheConnection()
  await write('shop')
  expect(await verify()).toMatchObject({ sound: true, findings: [] })
})

// The last: a tail that was stopped does not start again.
test('(d) a position that was moved past changes is found', async () => {
  await test_.tail.stop()
  await test_.run(`insert into events values (100000, 'shop', 'never seen')`)
  await tamper(
    `update plinth_journal.positions set position = pg_current_wal_lsn() where consumer = 'journal'`,
  )
  const other = test_.createTail({ durable: [test_.createJournal()], gatherMilliseconds: 0 })
  other.start()
  try {
    await expect
      .poll(async () => (await verify()).findings, { timeout: 20_000 })
      .toMatchObject([{ kind: 'position' }])
  } finally {
    await other.stop()
  }
})
