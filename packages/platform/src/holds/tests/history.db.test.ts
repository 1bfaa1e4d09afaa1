import { readFileSync } from 'node:fs'
import { useTestDatabase } from '@plinth/testing'
import { createRandom } from '@plinth/testing/random'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readHoldsMigrations } from '../index.ts'
import { at } from './holds-fixture.ts'
import { type LotState, lots } from './models/lots.ts'
import type { Model, Operation } from './models/model.ts'
import { type RangeState, ranges } from './models/ranges.ts'
import { type UnitPool, type UnitState, units } from './models/units.ts'
import { type HistoryOptions, type HistoryReport, runHistory } from './run-history.ts'

const isLong = process.env.PLINTH_TEST_LONG === '1'
const size = isLong
  ? { rounds: 150, clients: 10, operationsEach: 8 }
  : { rounds: 6, clients: 6, operationsEach: 6 }

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  seed: readFileSync(new URL('./act.sql', import.meta.url), 'utf8'),
})

type Draw = HistoryOptions<unknown>['draw']
type View = HistoryOptions<unknown>['view']

const run = <State>(model: Model<State>, state: State, seed: number, draw: Draw, view: View) =>
  runHistory({
    model,
    state,
    url: test.addresses.ownerDirect,
    random: createRandom(seed),
    ...size,
    draw,
    view,
  })

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const pick = <T>(random: (below: number) => number, from: readonly T[]): T => from[random(from.length)]!

const readJson = async (client: pg.Client, text: string, now: number) =>
  (await client.query<{ view: string }>(text, [at(now)])).rows.map(({ view }) => JSON.parse(view) as never)

const minute = (column: string) => `round(extract(epoch from ${column} - '${at(0)}') / 60)`

/** A history that crashed nowhere and met none of these would have shown little. */
function expectAll({ crashes, outcomes }: HistoryReport, names: readonly string[]): void {
  expect(crashes).toBeGreaterThan(0)
  // A short history depends on how the clients happen to meet.
  for (const name of isLong ? names : []) expect(outcomes.get(name) ?? 0, name).toBeGreaterThan(0)
}

describe('units', () => {
  const [stock, quota] = [id(1), id(2)]

  /** Both pools, with a waitlist on each where asked for. */
  async function lay(kind: string, hasLine: boolean): Promise<UnitState> {
    const most = hasLine ? 5 : 9
    await test.database.asOwner(
      sql`select plinth.set_on_hand(${kind}, array[${stock}]::uuid[], array[${most}]::bigint[])`,
    )
    await test.database.asOwner(sql`select plinth.set_limit(${kind}, ${quota}, ${most})`)
    const [offerFor, closes] = [8, 150]
    for (const thing of hasLine ? [stock, quota] : [])
      await test.database.asOwner(
        sql`select plinth.set_waitlist(${kind}, ${thing}, ${`${offerFor} min`}, ${at(closes)}, ${at(0)})`,
      )
    const pool = (isQuota: boolean, onHand: number): UnitPool => ({
      isQuota,
      onHand,
      used: 0,
      holds: {},
      line: hasLine ? [] : null,
      offerFor,
      closes,
    })
    return { [stock]: pool(false, most), [quota]: pool(true, most) }
  }

  const draw =
    (kind: string, hasLine: boolean): Draw =>
    (client, random, now) => {
      // A key always claims the same things.
      const name = pick(random, ['stock', 'quota', 'both'])
      const key = `${client} ${name}`
      const things = name === 'both' ? [stock, quota] : [name === 'stock' ? stock : quota]
      const until = now + 1 + random(12)
      const quantity = 1 + random(hasLine ? 2 : 4)
      const thing = things[0]!
      const place = { do: 'place', kind, key, until, claims: things.map((one) => ({ thing: one, quantity })) }
      const common: Operation[] = [
        place,
        place,
        place,
        { do: 'commit', kind, keys: [key] },
        { do: 'release', kind, keys: [key] },
        { do: 'settle', kind, key, quantity: random(6) },
        { do: 'return units', kind, thing: pick(random, [stock, quota]), quantity: 1 + random(2) },
        { do: 'limit', kind, thing: pick(random, [stock, quota]), quantity: 3 + random(8) },
      ]
      const line: Operation[] = [
        { do: 'join', kind, thing, key, quantity: 1 + random(3) },
        { do: 'join', kind, thing, key, quantity: 2 },
        { do: 'leave', kind, thing, key },
        { do: 'accept', kind, thing, key, until },
      ]
      return pick(random, hasLine && name !== 'both' ? [...common, ...line, ...line] : common)
    }

  const view =
    (kind: string): View =>
    async (client, now) => {
      await client.query('select plinth.move_up_waitlists($1)', [at(now)])
      const [drift] = await readJson(
        client,
        `select json_agg(p)::text as view from plinth.pools p where $1::text is not null and (
           p.held <> (select coalesce(sum(h.quantity), 0) from plinth.holds h where h.kind = p.kind and h.thing = p.thing)
           or p.queue <> (select count(*) from plinth.waiters w where w.kind = p.kind and w.thing = p.thing and w.state in ('waiting', 'offered'))
           or exists (select from plinth.waiters w where w.kind = p.kind and w.thing = p.thing and w.state = 'offered'
             and not exists (select from plinth.holds h where h.kind = w.kind and h.key = w.key and h.thing = w.thing and h.quantity = w.quantity)))`,
        now,
      )
      expect(drift, 'counters are the sums of their rows, and every offer is a hold').toBe(null)
      const found = await readJson(
        client,
        `select json_build_object('thing', p.thing, 'onHand', p.on_hand, 'used', p.used,
           'holds', (select coalesce(json_object_agg(h.key, json_build_object('quantity', h.quantity, 'until', ${minute('h.expires_at')})), '{}')
             from plinth.holds h where h.kind = p.kind and h.thing = p.thing and h.expires_at > $1),
           'line', (select coalesce(json_agg(json_build_array(w.key, w.state) order by w.seq), '[]')
             from plinth.waiters w where w.kind = p.kind and w.thing = p.thing))::text as view
         from plinth.pools p where p.kind = '${kind}'`,
        now,
      )
      return Object.fromEntries(
        found.map(({ thing, ...pool }: { thing: string } & Record<string, unknown>) => [thing, pool]),
      )
    }

  it.each([
    ['counted things and bytes', 'stock', false, 7],
    ['seats with waitlists (AT-35)', 'seat', true, 8],
  ])(
    '%s: every committed outcome is that of one order (AT-1, AT-4)',
    { timeout: 1_200_000 },
    async (_, kind, hasLine, seed) => {
      const state = await lay(kind, hasLine)
      // The model's line moves up with the database's, at the end of a round.
      const moving: Model<UnitState> = {
        step: units.step,
        view: (seen, now) => {
          for (const thing of hasLine ? Object.keys(seen) : [])
            units.step(seen, { do: 'leave', kind, thing, key: 'nobody' }, now)
          return units.view(seen, now)
        },
      }
      const report = await run(moving, state, seed, draw(kind, hasLine), view(kind))
      const line = ['join: waiting', 'join: offered', 'accept: ok', 'accept: error: offer_is_gone']
      const common = ['place: ok', 'place: short', 'commit: 1', 'release: 1', 'settle: ok', 'settle: gone']
      expectAll(report, [...common, ...(hasLine ? line : [])])
    },
  )
})

it('ranges: every committed outcome is that of one order (AT-6, AT-7)', { timeout: 1_200_000 }, async () => {
  const [ann, ben, cat, staff, desk] = [id(11), id(12), id(13), id(14), id(15)]
  const resources = {
    [ann]: { before: 0, after: 0, members: null },
    [ben]: { before: 0, after: 0, members: null },
    [cat]: { before: 5, after: 0, members: null },
    [staff]: { before: 0, after: 5, members: [ann, ben, cat] },
    [desk]: { before: 5, after: 5, members: [cat, ben] },
  }
  for (const [thing, { before, after, members }] of Object.entries(resources))
    await test.database.asOwner(
      sql`select plinth.set_resource('slot', ${thing}, ${`${before} min`}, ${`${after} min`}, ${members})`,
    )
  const draw: Draw = (client, random, now) => {
    const key = `${client} ${random(3)}`
    const claim = () => {
      const from = 1_000 + random(8) * 10
      return {
        thing: pick(random, Object.keys(resources)),
        during: [from, from + 10 + random(3) * 5] as const,
      }
    }
    const [one, two] = [claim(), claim()]
    const place = {
      do: 'place',
      kind: 'slot',
      key,
      until: now + 1 + random(12),
      claims: random(3) > 0 || one.thing === two.thing ? [one] : [one, two],
    }
    return pick<Operation>(random, [
      place,
      place,
      place,
      { do: 'commit', kind: 'slot', keys: [key] },
      { do: 'release', kind: 'slot', keys: [key] },
      { do: 'return', kind: 'slot', keys: [key] },
      { do: 'return', kind: 'slot', keys: [key] },
    ])
  }
  const view: View = async (client, now) =>
    readJson(
      client,
      `select json_build_array(key || ' ' || (committed_at is not null), thing, ${minute('lower(during)')})::text as view
       from plinth.holds where kind = 'slot' and expires_at > $1
       order by (key || ' ' || (committed_at is not null)) collate "C", thing`,
      now,
    )
  const report = await run<RangeState>(ranges, { resources, slots: [] }, 9, draw, view)
  expectAll(report, [
    'place: ok',
    'place: short',
    'place: error: already_committed',
    'commit: 1',
    'return: 1',
  ])
})

it('lots: every committed outcome is that of one order (AT-18, AT-19)', { timeout: 1_200_000 }, async () => {
  const accounts = [id(21), id(22)]
  const state: LotState = Object.fromEntries(accounts.map((thing) => [thing, { lots: [], charges: {} }]))
  for (const thing of accounts) {
    // The accounts exist from the start; an operation on an unknown one takes no lock.
    await test.database.asOwner(sql`select plinth.grant_lot('credit', ${thing}, 'first', 20)`)
    state[thing]!.lots.push({
      key: 'first',
      granted: 20,
      ends: Number.POSITIVE_INFINITY,
      rank: 0,
      order: 0,
      revoked: false,
    })
  }
  const draw: Draw = (client, random, now) => {
    const thing = pick(random, accounts)
    // New charges come all the time: a key is charged once.
    const key = `${client} ${thing.slice(-1)} ${Math.floor(now / 8)} ${random(3)}`
    const lot = {
      kind: 'credit',
      thing,
      key: pick(random, ['first', 'second', 'third', `month ${Math.floor(now / 12)}`]),
    }
    const ends = pick(random, [0, now + 5, now + 10, now + 30])
    const place = {
      do: 'place one',
      kind: 'credit',
      thing,
      key,
      quantity: 1 + random(9),
      until: now + 1 + random(12),
    }
    return pick<Operation>(random, [
      place,
      place,
      place,
      place,
      { do: 'commit', kind: 'credit', thing, key, keys: [key] },
      { do: 'commit', kind: 'credit', thing, key, keys: [key] },
      { do: 'release', kind: 'credit', thing, key, keys: [key] },
      { do: 'settle', kind: 'credit', thing, key, quantity: random(12) },
      { do: 'return', kind: 'credit', thing, key, keys: [key] },
      { do: 'grant', ...lot, quantity: random(40), rank: random(2), until: ends },
      { do: 'grant', ...lot, quantity: random(40), rank: random(2), until: ends },
      { do: 'revoke', ...lot, revoked: random(2) === 0 },
    ])
  }
  const view: View = async (client, now) => {
    const [drift] = await readJson(
      client,
      `select json_agg(l)::text as view from plinth.lots l
       where $1::text is not null and l.taken <> (select coalesce(sum(b.quantity), 0) from plinth.burns b where b.lot = l.id)`,
      now,
    )
    expect(drift, 'what is taken from a lot is what its burns cite').toBe(null)
    const found = await readJson(
      client,
      `select json_build_object('thing', p.thing, 'balance', plinth.balance('credit', p.thing, $1), 'charges', (
         select coalesce(json_object_agg(h.key, json_build_object('quantity', h.quantity, 'isCommitted', h.committed_at is not null, 'parts', (
           select coalesce(json_object_agg(l.key, b.quantity), '{}') from plinth.burns b join plinth.lots l on l.id = b.lot
           where b.kind = h.kind and b.key = h.key and b.thing = h.thing and b.quantity > 0))), '{}')
         from plinth.holds h where h.kind = p.kind and h.thing = p.thing and h.expires_at > $1))::text as view
       from plinth.pools p where p.kind = 'credit'`,
      now,
    )
    return Object.fromEntries(
      found.map(({ thing, ...account }: { thing: string } & Record<string, unknown>) => [thing, account]),
    )
  }
  const report = await run(lots, state, 10, draw, view)
  expectAll(report, [
    'place one: ok',
    'place one: short',
    'commit: 1',
    'settle: ok',
    'return: 1',
    'grant: ok',
  ])
})
