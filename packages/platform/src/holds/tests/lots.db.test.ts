import { randomUUID } from 'node:crypto'
import { useTestDatabase } from '@plinth/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readHoldsMigrations } from '../index.ts'
import { at, codeOf, noon, useKind } from './holds-fixture.ts'

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  connections: { requests: 1, owner: 30 },
})
const credits = useKind(() => test.database, 'credit')

// Keys are those of a kind, not of an account.
afterEach(() => test.database.asOwner(sql`delete from plinth.holds`))

const never = 'infinity'

function account(thing: string = randomUUID()) {
  return {
    thing,
    grant: (key: string, quantity: number, ends: string = never, rank = 0) =>
      codeOf(
        credits.run(
          sql`select plinth.grant_lot('credit', ${thing}, ${key}, ${quantity}, ${ends}, ${rank}::smallint)`,
        ),
      ),
    revoke: async (key: string, revoked = true, now = noon) =>
      (
        await credits.run<{ taken: string | null }>(
          sql`select plinth.revoke_lot('credit', ${thing}, ${key}, ${revoked}, ${now}) as taken`,
        )
      )[0]!.taken,
    hold: (key: string, quantity: number, now = noon, expires = at(10)) =>
      credits.place([{ thing, key, quantity, expires }], now),
    balance: async (now = noon) =>
      Number(
        (
          await credits.run<{ balance: string }>(
            sql`select plinth.balance('credit', ${thing}, ${now}) as balance`,
          )
        )[0]!.balance,
      ),
    /** Key, burned, held and available of each lot in the order of use. */
    lots: async (now = noon) =>
      (
        await credits.run<{ key: string; burned: string; held: string; available: string }>(
          sql`select key, burned, held, available from plinth.lots_of('credit', ${thing}, ${now})`,
        )
      ).map(({ key, burned, held, available }) => [key, Number(burned), Number(held), Number(available)]),
    /** What a key has from which lots. */
    cited: async (key: string) =>
      (
        await credits.run<{ lot: string; quantity: string; returned: string }>(sql`
          select l.key as lot, b.quantity, b.returned from plinth.burns b join plinth.lots l on l.id = b.lot
          where b.kind = 'credit' and b.thing = ${thing} and b.key = ${key} order by l.expires_at, l.rank, l.id`)
      ).map(({ lot, quantity, returned }) => [lot, Number(quantity), Number(returned)]),
  }
}

/** An account with 10 credits that end soon, 20 that end later and 30 that were bought. */
async function usualAccount() {
  const ada = account()
  await ada.grant('bought', 30, never, 1)
  await ada.grant('later', 20, at(60))
  await ada.grant('soon', 10, at(30))
  return ada
}

describe('credits', () => {
  it('are taken from what ends soonest, and each burn cites its lots', async () => {
    const ada = await usualAccount()
    expect(await ada.hold('film', 25)).toBe('ok')
    expect(await ada.lots()).toEqual([
      ['soon', 0, 10, 0],
      ['later', 0, 15, 5],
      ['bought', 0, 0, 30],
    ])
    expect(await credits.commit(['film'])).toEqual([['film', 25]])
    expect(await credits.commit(['film'], at(99)), 'the same again').toEqual([['film', 25]])
    expect(await ada.hold('film', 25), 'was charged already').toBe('ok')
    expect(await ada.hold('film', 26)).toBe('already_committed PT409')
    expect(await ada.cited('film')).toEqual([
      ['soon', 10, 0],
      ['later', 15, 0],
    ])
    expect(await ada.balance()).toBe(35)
  })

  it('of lots that end together go by rank: included before bought', async () => {
    const ada = account()
    await ada.grant('bought', 5, at(30), 1)
    await ada.grant('included', 5, at(30), 0)
    await ada.hold('a', 6)
    expect(await ada.cited('a')).toEqual([
      ['included', 5, 0],
      ['bought', 1, 0],
    ])
  })

  it('never go below zero', async () => {
    const ada = await usualAccount()
    expect(await ada.hold('a', 61)).toBe('not_enough_units PT409')
    expect(await ada.hold('a', 60)).toBe('ok')
    expect(await ada.hold('b', 1)).toBe('not_enough_units PT409')
    expect(await account().hold('a', 1), 'who never had any').toBe('not_enough_units PT409')
    const overdraft = sql`update plinth.lots set taken = granted + 1 where thing = ${ada.thing} and key = 'soon'`
    expect(await codeOf(credits.run(overdraft))).toBe('23514')
  })

  it('that ended are not there, and what was held of them in time is burned', async () => {
    const ada = await usualAccount()
    expect(await ada.balance(at(30))).toBe(50)
    await ada.hold('a', 10, at(29), at(35))
    expect(await ada.hold('b', 51, at(30))).toBe('not_enough_units PT409')
    expect(await credits.commit(['a'], at(34))).toEqual([['a', 10]])
    await credits.returned(['a'], at(34))
    expect(await ada.balance(at(34)), 'what comes back to an ended lot is gone').toBe(50)
  })

  it('go back to their lots when a hold is released, shrinks or expires', async () => {
    const ada = await usualAccount()
    await ada.hold('a', 40)
    expect(await ada.hold('a', 12)).toBe('ok')
    expect(await ada.cited('a')).toEqual([
      ['soon', 10, 0],
      ['later', 2, 0],
      ['bought', 0, 0],
    ])
    expect(await credits.release(['a'])).toBe(1)
    await ada.hold('b', 60)
    expect(await ada.balance(at(9))).toBe(0)
    expect(await ada.balance(at(10))).toBe(60)
    expect(await ada.hold('c', 60, at(10), at(20))).toBe('ok')
    expect(await credits.commit(['b'], at(11)), 'ran out').toEqual([])
    expect(await credits.commit(['c'], at(11))).toEqual([['c', 60]])
  })

  it('are settled at what it cost, and later at less', async () => {
    const ada = await usualAccount()
    await ada.hold('render', 12)
    expect(await credits.settle('render', 35), 'more than was held').toBe('ok')
    expect(await ada.balance()).toBe(25)
    expect(await credits.settle('render', 36), 'committed').toBe('not_enough_units PT409')
    for (const _ of [1, 2]) expect(await credits.settle('render', 15), 'a partial refund, twice').toBe('ok')
    expect(await ada.cited('render')).toEqual([
      ['soon', 10, 0],
      ['later', 5, 15],
      ['bought', 0, 5],
    ])
    expect(await credits.returned(['render'])).toEqual([['render', 15]])
    expect(await credits.returned(['render'])).toEqual([])
    expect(await ada.balance()).toBe(60)
    expect(await ada.hold('render', 1), 'a key is charged once').toBe('already_committed PT409')
  })

  it('of several accounts are held all or none', async () => {
    const [ada, ben] = [await usualAccount(), account()]
    await ben.grant('bought', 5)
    const both = (quantity: number) =>
      credits.place([ada, ben].map(({ thing }) => ({ thing, key: 'shared', quantity })))
    expect(await both(6)).toBe('not_enough_units PT409')
    expect(await ada.balance()).toBe(60)
    expect(await both(5)).toBe('ok')
    expect(await credits.release(['shared'])).toBe(2)
  })
})

describe('a lot', () => {
  it('is granted once per key, and a plan that changes to and fro mints nothing (AT-20)', async () => {
    const ada = account()
    for (const _ of [1, 2, 3]) await ada.grant('included 2026-01', 100, at(600))
    expect(await ada.balance()).toBe(100)
    await ada.hold('a', 80)
    await credits.commit(['a'])
    for (const quantity of [10, 100, 10, 500, 10]) await ada.grant('included 2026-01', quantity, at(600))
    expect(await ada.balance()).toBe(0)
    expect(await credits.settle('a', 70)).toBe('ok')
    expect(await ada.balance(), 'a refund on the small plan').toBe(0)
    await ada.grant('included 2026-01', 100, at(600))
    expect(await ada.balance()).toBe(30)
  })

  it('is taken away by a chargeback as far as it is left, and comes back when the dispute is won', async () => {
    const ada = account()
    await ada.grant('bought', 100)
    await ada.hold('a', 30)
    await credits.commit(['a'])
    expect(await ada.revoke('bought')).toBe('30')
    expect(await ada.balance()).toBe(0)
    await ada.grant('bought', 100)
    expect(await ada.balance(), 'a replayed purchase brings nothing back').toBe(0)
    await credits.returned(['a'])
    expect(await ada.balance()).toBe(0)
    await ada.revoke('bought', false)
    expect(await ada.balance()).toBe(100)
    expect(await ada.revoke('no such')).toBe(null)
  })

  it('needs a key, a quantity and an account that is one', async () => {
    const ada = account()
    expect(await ada.grant('a', -1)).toBe('invalid_claim PT422')
    await credits.run(sql`select plinth.set_on_hand('credit', array[${ada.thing}]::uuid[], array[3])`)
    expect(await ada.grant('a', 1)).toBe('wrong_shape PT409')
  })
})

describe('many at once', () => {
  it('burn exactly what there is: 500 on a balance of 100 (AT-18)', async () => {
    const ada = account()
    for (const [key, quantity, ends] of [
      ['a', 30, at(60)],
      ['b', 30, at(90)],
      ['c', 40, never],
    ] as const)
      await ada.grant(key, quantity, ends)
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, (_, n) =>
        codeOf(
          credits.run(sql`
            with held as materialized (select plinth.try_hold('credit', ${ada.thing}, ${`k${n}`}, 1, ${at(10)}, p_at => ${noon}) as short)
            select case when short is null then (select count(*) from plinth.commit_holds('credit', array[${`k${n}`}], ${noon})) end,
              case when short is not null then plinth.refuse_shortage(short)::text end
            from held`),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(100)
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'not_enough_units PT409']))
    expect(await ada.lots()).toEqual([
      ['a', 30, 0, 0],
      ['b', 30, 0, 0],
      ['c', 40, 0, 0],
    ])
  })
})
