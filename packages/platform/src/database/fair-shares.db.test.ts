import { actor, clusterAddress, service, stranger, useTestDatabase, waitFor } from '@plinth/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from './callers/caller.ts'
import { sql } from './sql.ts'

const ada = actor('ada')
const ben = actor('ben')
const readOnly = { readOnly: true }

describe('connections that several share', () => {
  const test = useTestDatabase({
    seed: `create table public.orders (id int primary key);
      grant select, insert on public.orders to authenticated;
      create function public.place_slowly(id int) returns void language plpgsql as
        $$ begin insert into public.orders values (id); perform pg_sleep(0.5); end $$;
      create function public.stubborn() returns void language plpgsql as $$
        begin perform pg_sleep(60); exception when query_canceled then perform pg_sleep(60); end $$;
      grant execute on all functions in schema public to authenticated`,
    connections: { requests: 10, owner: 2 },
  })
  let watcher: pg.Client
  beforeAll(async () => {
    watcher = new pg.Client({ connectionString: clusterAddress() })
    await watcher.connect()
  })
  afterAll(() => watcher.end())

  const read = (caller: Caller, text = 'select 1') => test.database.asCaller(caller, { text }, readOnly)
  const running = async (mark: string) => {
    const text = `select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()`
    return (await watcher.query(text, [`%${mark}%`])).rowCount!
  }

  /** Reads that never end by themselves. */
  const press = (caller: Caller, mark: string, count: number) => {
    const leaving = new AbortController()
    const reads = Array.from({ length: count }, () =>
      read({ ...caller, gone: leaving.signal }, `select pg_sleep(60), $$${mark}$$`).catch(
        (error) => error.code,
      ),
    )
    return {
      begun: (least: number) => waitFor(async () => (await running(mark)) >= least),
      stop: () => {
        leaving.abort()
        return Promise.all(reads)
      },
    }
  }

  it('do not let one user’s long reads stop another’s', async () => {
    const pressing = press(ada, 'hers', 12)
    await pressing.begun(10)
    for (let count = 0; count < 50; count++) await read(ben)
    expect(await running('hers')).toBeGreaterThanOrEqual(5)
    expect(new Set(await pressing.stop())).toEqual(new Set(['client_gone']))
  })

  it('are counted by address when nobody is signed in', async () => {
    const at = (address: string): Caller => ({ ...stranger, share: `address ${address}` })
    const pressing = press(at('203.0.113.1'), 'theirs', 12)
    await pressing.begun(3)
    expect((await read(at('203.0.113.2'))).rowCount).toBe(1)
    expect((await read(ben)).rowCount).toBe(1)
    await pressing.stop()
  })

  it('end a read in PostgreSQL when its client goes', async () => {
    const leaving = new AbortController()
    const reading = read({ ...ada, gone: leaving.signal }, 'select pg_sleep(60), $$gone$$')
    const outcome = expect(reading).rejects.toMatchObject({ code: 'client_gone' })
    await waitFor(async () => (await running('gone')) === 1)
    leaving.abort()
    await outcome
    expect(await running('gone')).toBe(0)
    await expect(read({ ...ada, gone: leaving.signal })).rejects.toMatchObject({ code: 'client_gone' })
  })

  it('end a read that catches the first request to end', async () => {
    const leaving = new AbortController()
    const reading = read({ ...ada, gone: leaving.signal }, 'select public.stubborn()')
    const outcome = expect(reading).rejects.toMatchObject({ code: 'client_gone' })
    await waitFor(async () => (await running('stubborn')) === 1)
    leaving.abort()
    await outcome
  })

  it('do not lose what is being written when its client goes', async () => {
    const leaving = new AbortController()
    const writing = test.database.asCaller(
      { ...ada, gone: leaving.signal },
      sql`select public.place_slowly(1)`,
    )
    await waitFor(async () => (await running('place_slowly')) === 1)
    leaving.abort()
    await writing
    expect((await read(ada, 'select from public.orders')).rowCount).toBe(1)
  })

  it('leave the service role alone', async () => {
    const report = test.database.asCaller(service, { text: 'select pg_sleep(2)' }, readOnly)
    const pressing = press(ada, 'hers', 12)
    await pressing.begun(1)
    await read(ben)
    expect((await report).rowCount).toBe(1)
    await pressing.stop()
  })
})

describe('three hundred clients that go', () => {
  const test = useTestDatabase({ connections: { requests: 4, owner: 1 } })

  it('end no statement of somebody else', async () => {
    let going = true
    let answered = 0
    const others = Array.from({ length: 2 }, async (_, index) => {
      const caller = actor(`other ${index}`)
      while (going) {
        await test.database.asCaller(caller, sql`select pg_sleep(0.001)`, readOnly)
        answered++
      }
    })
    const ends = { client_gone: 0, answered: 0 }
    for (let count = 0; count < 300; count++) {
      const leaving = new AbortController()
      const text = `select pg_sleep(${count % 2 === 0 ? 60 : 0.003})`
      const outcome = test.database.asCaller({ ...ada, gone: leaving.signal }, { text }, readOnly).then(
        () => ends.answered++,
        (error) => ends[error.code as 'client_gone']++,
      )
      const seen = answered + (count % 4)
      while (answered <= seen) await new Promise(setImmediate)
      leaving.abort()
      await outcome
    }
    going = false
    await Promise.all(others)
    expect(ends.client_gone + ends.answered).toBe(300)
    expect(ends.client_gone).toBeGreaterThan(100)
    expect(answered).toBeGreaterThan(300)
  })
})

describe('the time that a statement may take', () => {
  const test = useTestDatabase({ connections: { requests: 2, owner: 1 } })

  it.each([
    ['anon', stranger, '3s'],
    ['authenticated', ada, '8s'],
    ['service_role', service, '15s'],
  ])('is the role’s: %s', async (_role, caller, expected) => {
    const show = sql`select current_setting('statement_timeout') as value`
    const shown = async (options = {}) =>
      (await test.database.asCaller<{ value: string }>(caller, show, options)).rows[0]!.value
    expect(await shown()).toBe(expected)
    expect(await shown({ readOnly: true })).toBe(expected)
    expect(await shown({ statementTimeout: 60_000 })).toBe('1min')
    const { rows } = await test.database.transactionAs(caller, ({ query }) => query<{ value: string }>(show))
    expect(rows[0]!.value).toBe(expected)
  })
})
