import { useTestDatabase } from '@plinth/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type OwnerSession, openOwnerSession } from './open-owner-session.ts'

const test = useTestDatabase({
  seed: 'create table public.lines (no integer primary key, text text, "odd name" boolean);',
})
let session: OwnerSession

beforeEach(async () => {
  session = await openOwnerSession({ addresses: test.addresses, via: 'import' })
})
afterEach(async () => {
  await session.query('delete from public.lines')
  await session.close()
})

const lines = async () => (await session.query('select * from public.lines order by no')).rows

it('copies rows as they come, odd letters included; what a row lacks is null', async () => {
  const rows = async function* () {
    yield { no: 1, text: 'a\tb\\N\r\nc', 'odd name': true }
    yield { no: 2 }
    yield { no: 3, text: '\\.', extra: 'not a column' }
  }
  await session.copyInto('lines', ['no', 'text', 'odd name'], rows())
  expect(await lines()).toEqual([
    { no: 1, text: 'a\tb\\N\r\nc', 'odd name': true },
    { no: 2, text: null, 'odd name': null },
    { no: 3, text: '\\.', 'odd name': null },
  ])
})

it('leaves nothing of rows that end in a failure, and goes on', async () => {
  const rows = async function* () {
    yield { no: 1 }
    throw new Error('the file ends here')
  }
  await expect(session.copyInto('lines', ['no'], rows())).rejects.toThrow('the file ends here')
  const twice = async function* () {
    yield { no: 1 }
    yield { no: 1 }
  }
  await expect(session.copyInto('lines', ['no'], twice())).rejects.toMatchObject({ code: '23505' })
  expect(await lines()).toEqual([])
})

it('runs a transaction with its settings, and keeps them no longer', async () => {
  const ask = `select current_setting('plinth.importing', true) as importing, current_setting('synchronous_commit') as waits`
  const options = { reason: 'a test', settings: { 'plinth.importing': 'on' }, waitsForDisk: false }
  const inside = await session.transaction(options, async () => (await session.query(ask)).rows[0])
  expect(inside).toEqual({ importing: 'on', waits: 'off' })
  expect((await session.query(ask)).rows[0]).toMatchObject({ importing: '', waits: 'on' })
})

it('rolls a transaction back that fails', async () => {
  const work = session.transaction({ reason: 'a test' }, async () => {
    await session.query('insert into public.lines (no) values (1)')
    throw new Error('no')
  })
  await expect(work).rejects.toThrow('no')
  expect(await lines()).toEqual([])
})

it('tells in pg_stat_activity what it is', async () => {
  const { rows } = await session.query(
    'select application_name, usename from pg_stat_activity where pid = pg_backend_pid()',
  )
  expect(rows).toEqual([{ application_name: 'plinth import', usename: 'owner_sample' }])
})
