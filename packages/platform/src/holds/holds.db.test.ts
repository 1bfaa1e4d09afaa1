import { randomUUID } from 'node:crypto'
import { service, useTestDatabase } from '@plinth/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { sql } from '../database/index.ts'
import { readHoldsMigrations } from './index.ts'

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  connections: { requests: 1, owner: 30 },
})

afterEach(async () => {
  await test.database.asOwner(sql`delete from plinth.holds`)
  await test.database.asOwner(sql`delete from plinth.pools`)
})

interface Claim {
  readonly thing: string
  readonly key: string
  readonly quantity: number | null
  readonly expires?: string
}

const noon = '2026-01-15T12:00:00Z'
const at = (minutes: number) => new Date(Date.parse(noon) + minutes * 60_000).toISOString()

const place = (claims: readonly Claim[], now = noon) =>
  test.database.asOwner(sql`select plinth.place_holds('seat', array(
    select row(c.thing, c.key, c.quantity, c.expires, null, null)::plinth.claim
    from jsonb_to_recordset(${JSON.stringify(claims.map((claim) => ({ expires: at(10), ...claim })))}::jsonb)
      c (thing uuid, key text, quantity bigint, expires timestamptz)), ${now})`)

const commit = async (keys: readonly string[], now = noon) =>
  (
    await test.database.asOwner<{ key: string; quantity: string }>(
      sql`select key, quantity from plinth.commit_holds('seat', ${keys}, ${now}) order by key`,
    )
  ).rows.map(({ key, quantity }) => [key, Number(quantity)])

const release = async (...keys: string[]) =>
  (
    await test.database.asOwner<{ released: string }>(
      sql`select plinth.release_holds('seat', ${keys}, ${noon}) as released`,
    )
  ).rows[0]!.released

const setOnHand = (thing: string, count: number, now = noon) =>
  test.database.asOwner(
    sql`select plinth.set_on_hand('seat', array[${thing}]::uuid[], array[${count}]::bigint[], ${now})`,
  )

async function pool(count: number): Promise<string> {
  const thing = randomUUID()
  await setOnHand(thing, count)
  return thing
}

async function levels(thing: string, now = noon): Promise<number[]> {
  const { rows } = await test.database.asOwner<{ on_hand: string; held: string; available: string }>(
    sql`select * from plinth.availability('seat', array[${thing}]::uuid[], ${now})`,
  )
  return rows.flatMap(({ on_hand, held, available }) => [Number(on_hand), Number(held), Number(available)])
}

const codeOf = async (work: Promise<unknown>) => {
  try {
    await work
    return 'nothing was refused'
  } catch (error) {
    const { code, detail } = error as { code: string; detail?: string }
    return `${detail?.startsWith('{') ? (JSON.parse(detail) as { code: string }).code : ''} ${code}`.trim()
  }
}

describe('a hold', () => {
  it('takes from what is available, and gives it back when released', async () => {
    const thing = await pool(10)
    await place([{ thing, key: 'a', quantity: 4 }])
    expect(await levels(thing)).toEqual([10, 4, 6])
    expect(await release('a')).toBe('1')
    expect(await release('a')).toBe('0')
    expect(await levels(thing)).toEqual([10, 0, 10])
  })

  it('is re-entrant by key: the same claim again is the same hold, another quantity resizes it', async () => {
    const thing = await pool(10)
    for (const quantity of [4, 4, 9, 2]) await place([{ thing, key: 'a', quantity }])
    expect(await levels(thing)).toEqual([10, 2, 8])
    expect(await codeOf(place([{ thing, key: 'a', quantity: 11 }]))).toBe('not_enough_units PT409')
    expect(await levels(thing)).toEqual([10, 2, 8])
  })

  it('becomes units that are gone when committed, once', async () => {
    const thing = await pool(10)
    await place([
      { thing, key: 'a', quantity: 4 },
      { thing, key: 'b', quantity: 1 },
    ])
    expect(await commit(['a', 'b', 'nobody'])).toEqual([
      ['a', 4],
      ['b', 1],
    ])
    expect(await commit(['a', 'b'])).toEqual([])
    expect(await levels(thing)).toEqual([5, 0, 5])
  })

  it('is free the moment it expires, with nobody sweeping', async () => {
    const thing = await pool(10)
    await place([{ thing, key: 'a', quantity: 8, expires: at(5) }])
    expect(await levels(thing, at(4))).toEqual([10, 8, 2])
    expect(await levels(thing, at(5))).toEqual([10, 0, 10])
    expect(await codeOf(place([{ thing, key: 'b', quantity: 3 }], at(4)))).toBe('not_enough_units PT409')
    await place([{ thing, key: 'b', quantity: 3 }], at(5))
    expect(await commit(['a'], at(6))).toEqual([])
    expect(await levels(thing, at(6))).toEqual([10, 3, 7])
  })

  it('that expired is only removed by a commit, even when nobody took its units', async () => {
    const thing = await pool(10)
    await place([{ thing, key: 'a', quantity: 8, expires: at(5) }])
    expect(await commit(['a'], at(5))).toEqual([])
    expect(await levels(thing)).toEqual([10, 0, 10])
  })

  it('is extended by claiming again', async () => {
    const thing = await pool(10)
    await place([{ thing, key: 'a', quantity: 8, expires: at(5) }])
    await place([{ thing, key: 'a', quantity: 8, expires: at(20) }], at(6))
    expect(await levels(thing, at(10))).toEqual([10, 8, 2])
  })

  it('is pruned when nobody asked for it since', async () => {
    const [one, two] = [await pool(3), await pool(3)]
    await place([
      { thing: one, key: 'a', quantity: 1, expires: at(1) },
      { thing: two, key: 'b', quantity: 1, expires: at(9) },
    ])
    await test.database.asOwner(sql`select plinth.prune_holds(100, ${at(5)})`)
    const { rows } = await test.database.asOwner(
      sql`select key from plinth.holds where thing = any (${[one, two]})`,
    )
    expect(rows).toEqual([{ key: 'b' }])
  })
})

describe('several claims', () => {
  it('are held all or none; the refusal names every thing that is short', async () => {
    const [one, two, three] = [await pool(1), await pool(2), await pool(3)]
    const failed = (await place([
      { thing: one, key: 'a', quantity: 1 },
      { thing: two, key: 'a', quantity: 3 },
      { thing: three, key: 'a', quantity: 4 },
    ]).catch((error: unknown) => error)) as { detail: string }
    const { short } = JSON.parse(failed.detail) as { short: { thing: string }[] }
    expect(new Map(short.map(({ thing, ...rest }) => [thing, rest]))).toEqual(
      new Map([
        [two, { wanted: 3, available: 2 }],
        [three, { wanted: 4, available: 3 }],
      ]),
    )
    expect(await levels(one)).toEqual([1, 0, 1])
  })

  it('on one thing are summed', async () => {
    const thing = await pool(5)
    const both = [
      { thing, key: 'a', quantity: 3 },
      { thing, key: 'b', quantity: 3 },
    ]
    expect(await codeOf(place(both))).toBe('not_enough_units PT409')
    expect(await levels(thing)).toEqual([5, 0, 5])
  })

  it.each([
    ['no quantity', { quantity: null }],
    ['a quantity of 0', { quantity: 0 }],
    ['a negative quantity', { quantity: -1 }],
  ])('with %s are refused', async (_, part) => {
    const thing = await pool(5)
    expect(await codeOf(place([{ thing, key: 'a', ...part }]))).toBe('invalid_claim PT422')
  })

  it('of one thing by one key twice, and of unknown things, are refused', async () => {
    const thing = await pool(5)
    const claim = { thing, key: 'a', quantity: 1 }
    expect(await codeOf(place([claim, claim]))).toBe('invalid_claim PT422')
    expect(await codeOf(place([{ ...claim, thing: randomUUID() }]))).toBe('not_enough_units PT409')
    expect(await codeOf(place([{ ...claim, quantity: Number.MAX_SAFE_INTEGER }]))).toBe(
      'not_enough_units PT409',
    )
  })
})

describe('a pool', () => {
  it('cannot shrink below what is held, but expired holds do not count', async () => {
    const thing = await pool(10)
    await place([
      { thing, key: 'a', quantity: 4, expires: at(5) },
      { thing, key: 'b', quantity: 2, expires: at(9) },
    ])
    expect(await codeOf(setOnHand(thing, 5))).toBe('not_enough_units PT409')
    await setOnHand(thing, 6)
    await setOnHand(thing, 2, at(5))
    expect(await levels(thing, at(5))).toEqual([2, 2, 0])
  })

  it('is dropped when nobody holds it, or by force', async () => {
    const thing = await pool(10)
    const drop = (force: boolean, now: string) =>
      test.database.asOwner(sql`select plinth.drop_pool('seat', ${thing}, ${force}, ${now})`)
    await place([{ thing, key: 'a', quantity: 4, expires: at(5) }])
    expect(await codeOf(drop(false, noon))).toBe('thing_is_held PT409')
    await drop(false, at(5))
    expect(await levels(thing)).toEqual([])
    await setOnHand(thing, 1)
    await place([{ thing, key: 'a', quantity: 1 }])
    await drop(true, noon)
    expect(await levels(thing)).toEqual([])
  })

  it('belongs to the owner’s SQL alone', async () => {
    for (const statement of [
      sql`select * from plinth.pools`,
      sql`select plinth.prune_holds()`,
      sql`select plinth.release_holds('seat', '{}')`,
    ]) {
      expect(await codeOf(test.database.asCaller(service, statement))).toBe('42501')
    }
  })
})

describe('many at once', () => {
  it('never hold more than there is and never wait in a circle', async () => {
    const things = [await pool(10), await pool(10), await pool(10), await pool(10)]
    const outcomes = await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        codeOf(
          place(
            things
              .map((thing, index) => ({ thing, key: `k${n}`, quantity: 1 + ((n * 7 + index) % 3) }))
              .filter((_claim, index) => (n + index) % 3 !== 0)
              .reverse(),
          ),
        ),
      ),
    )
    expect(new Set(outcomes)).toEqual(new Set(['nothing was refused', 'not_enough_units PT409']))
    for (const thing of things) expect((await levels(thing))[2]).toBeGreaterThanOrEqual(0)
    await Promise.all(Array.from({ length: 120 }, (_, n) => (n % 2 ? commit([`k${n}`]) : release(`k${n}`))))
    for (const thing of things) {
      const [onHand, held, available] = await levels(thing)
      expect(held).toBe(0)
      expect(available).toBe(onHand)
    }
  })

  it('any sequence equals the model', { timeout: 60_000 }, async () => {
    const step = fc.record({
      kind: fc.constantFrom('place', 'commit', 'release', 'set', 'wait'),
      key: fc.constantFrom('a', 'b', 'c'),
      quantity: fc.integer({ min: 1, max: 6 }),
      minutes: fc.integer({ min: 1, max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const thing = await pool(10)
        const holds = new Map<string, { quantity: number; until: number }>()
        let [onHand, minute] = [10, 0]
        const heldBy = (except?: string) =>
          [...holds].reduce(
            (sum, [key, hold]) => sum + (key !== except && hold.until > minute ? hold.quantity : 0),
            0,
          )
        for (const { kind, key, quantity, minutes } of steps) {
          const scoped = `${thing}:${key}`
          if (kind === 'wait') minute += minutes
          else if (kind === 'place') {
            const until = minute + minutes
            const fits = onHand - heldBy(scoped) >= quantity
            const outcome = await codeOf(
              place([{ thing, key: scoped, quantity, expires: at(until) }], at(minute)),
            )
            expect(outcome).toBe(fits ? 'nothing was refused' : 'not_enough_units PT409')
            if (fits) holds.set(scoped, { quantity, until })
          } else if (kind === 'commit') {
            const hold = holds.get(scoped)
            const valid = hold !== undefined && hold.until > minute
            expect(await commit([scoped], at(minute))).toEqual(valid ? [[scoped, hold.quantity]] : [])
            if (valid) onHand -= hold.quantity
            holds.delete(scoped)
          } else if (kind === 'release') {
            await release(scoped)
            holds.delete(scoped)
          } else {
            const fits = quantity >= heldBy()
            expect(await codeOf(setOnHand(thing, quantity, at(minute)))).toBe(
              fits ? 'nothing was refused' : 'not_enough_units PT409',
            )
            if (fits) onHand = quantity
          }
          expect(await levels(thing, at(minute))).toEqual([onHand, heldBy(), onHand - heldBy()])
        }
      }),
      { numRuns: 60, seed: 41 },
    )
  })
})
