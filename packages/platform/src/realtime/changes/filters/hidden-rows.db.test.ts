import { actor, service, useTestDatabase, waitFor } from '@plinth/testing'
import { listenTo, type ServedRealtime, serveRealtime } from '@plinth/testing/realtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quoteText } from '../../../database/index.ts'
import { silentLog } from '../../../kernel/index.ts'
import { type RowChange, readTailMigrations } from '../../../tail/index.ts'
import { sessionOf } from '../../channels/session.ts'
import { readRealtimeMigrations } from '../../migrations.ts'
import type { BindingAudience } from '../audience.ts'
import { checkChanges } from '../check-changes.ts'
import { createTableCatalogue } from '../describe-table.ts'
import { createCheckFunctions } from '../policies/check-function.ts'
import { createPolicyCheck } from '../policies/check-policies.ts'
import type { Filter } from './compile-filter.ts'

const seed = `
create table public.letters (id int primary key, owner uuid, secret text, amount numeric, kind int);
alter table public.letters enable row level security;
create policy own on public.letters for select to authenticated using (owner = (select auth.uid()));
create table public.traps (id int primary key, owner uuid, secret text, n int);
alter table public.traps enable row level security;
create policy raising on public.traps for select to authenticated
  using (case when owner = (select auth.uid()) then true else 1 / n > 1 end);
`
const test = useTestDatabase({ migrations: [readTailMigrations(), readRealtimeMigrations()], seed })
const ada = actor('ada')
const bob = actor('bob')

/** Rows that filters were applied to by the database, as composite texts. */
const touched: string[] = []
let served: ServedRealtime

beforeAll(async () => {
  const database: typeof test.database = {
    ...test.database,
    asCaller: (caller, statement, options) => {
      if (statement.text.includes('plinth_n = any'))
        touched.push(...((statement.values?.[0] ?? []) as string[]))
      return test.database.asCaller(caller, statement, options)
    },
  }
  served = await serveRealtime({ database, tables: ['letters', 'traps'] })
})
afterAll(() => served?.stop())

const run = (text: string) => test.database.asCaller(service, { text })
const insert = (table: string, id: number, owner: string, secret: string, more: string) =>
  run(`insert into ${table} values (${id}, '${owner}', ${quoteText(secret)}, ${more})`)

/** Each would let the hidden rows through, tell of them, or fail at them. */
const filters = [
  undefined,
  'secret=eq.hidden password',
  'secret=neq.nothing',
  'secret=like.hidden%',
  'secret=ilike.HIDDEN%',
  'secret=match.^hidden',
  'secret=imatch.PASSWORD',
  'amount=gt.0',
  'amount=not.lt.0',
  'kind=eq.7',
  'kind=in.(7,8)',
  'owner=isdistinct.00000000-0000-4000-8000-000000000000',
  'amount=gt.0,secret=like.hidden%',
]

describe('rows that a subscriber may not see', () => {
  it('are touched by none of its filters, and leave no trace in its frames', async () => {
    const listening = await Promise.all(
      filters.map(async (filter) =>
        listenTo(await served.client(ada.userId), { table: 'letters', ...(filter ? { filter } : {}) }),
      ),
    )
    expect(new Set(listening.map(({ status }) => status))).toEqual(new Set(['SUBSCRIBED']))
    await insert('letters', 1, bob.userId, 'hidden password', '5, 7')
    await run(`update letters set secret = 'hidden again', amount = 6 where id = 1`)
    await run(`delete from letters where id = 1`)
    // What all of them see comes after it.
    await insert('letters', 2, ada.userId, 'hidden password', '5, 7')
    await waitFor(() => listening.every(({ changes }) => changes.length > 0))
    expect(listening.map(({ changes }) => changes.map(({ new: row }) => row))).toEqual(
      filters.map(() => [expect.objectContaining({ id: 2 })]),
    )
    expect(touched.length).toBeGreaterThan(0)
    expect(touched.filter((row) => row.includes('again') || row.includes(bob.userId))).toEqual([])
    expect(listening.flatMap(({ system }) => system.filter(({ status }) => status !== 'ok'))).toEqual([])
  })

  it('and whose policy raises end every subscription alike, whatever its filter', async () => {
    const wanted = [undefined, 'secret=eq.no', 'secret=like.hidden%', 'secret=like.no%', 'n=gte.0']
    const listening = await Promise.all(
      wanted.map(async (filter) =>
        listenTo(await served.client(ada.userId), { table: 'traps', ...(filter ? { filter } : {}) }),
      ),
    )
    await insert('traps', 1, bob.userId, 'hidden password', '0')
    await waitFor(() => listening.every(({ system }) => system.some(({ status }) => status === 'error')))
    const messages = listening.map(({ system }) => system.at(-1)!.message)
    expect(new Set(messages).size).toBe(1)
    expect(messages[0]).toMatch(/^policy_raised: .* \(SQLSTATE 22012\)/)
    expect(messages[0]).not.toMatch(/division|hidden/)
    expect(listening.flatMap(({ changes }) => changes)).toEqual([])
  })

  it('are not given to filters that need no database either', async () => {
    const { database } = test
    const catalogue = createTableCatalogue({ database, carry: () => Promise.resolve() })
    const functions = createCheckFunctions(database)
    const policies = createPolicyCheck({ database, functions, policyMilliseconds: 5_000, log: silentLog })
    const seen: unknown[] = []
    const filter: Filter = {
      text: 'kind=eq.7',
      conditions: [],
      cost: 'quick',
      quick: (image) => {
        seen.push(image.id)
        return true
      },
    }
    const session = sessionOf({ role: 'authenticated', sub: ada.userId })
    const audience: BindingAudience = {
      kind: 'bindings',
      key: 'test',
      topic: 'realtime:test',
      session,
      payer: 'test',
      bindings: [],
      members: new Set(),
    }
    const table = (await catalogue.find('public', 'letters'))!
    const relation = { oid: table.oid, schema: 'public', table: 'letters', columns: [] }
    const row = (id: string, owner: string) => ({ id, owner, secret: 's', amount: '1', kind: '7' })
    const changes: RowChange[] = [
      { relation, operation: 'insert', before: null, after: row('1', bob.userId) },
      { relation, operation: 'update', before: row('2', bob.userId), after: row('3', ada.userId) },
      { relation, operation: 'update', before: row('4', ada.userId), after: row('5', bob.userId) },
      { relation, operation: 'delete', before: row('6', bob.userId), after: null },
    ]
    const audiences = { find: () => [audience] }
    const context = { database, catalogue, policies, audiences, policyMilliseconds: 5_000 }
    const checked = await checkChanges(context, changes)
    for (const change of changes) {
      for (const side of ['before', 'after'] as const)
        checked.tableOf(change)!.matches(filter, session, change, side)
    }
    expect(seen).toEqual(['3', '4'])
  })
})
