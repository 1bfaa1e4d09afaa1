import { randomUUID } from 'node:crypto'
import { actor, useTestDatabase } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readHoldsMigrations } from '../index.ts'
import { at, codeOf, noon, useKind } from './holds-fixture.ts'

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  connections: { requests: 2, owner: 30 },
})
const slots = useKind(() => test.database, 'slot')

/** A resource with minutes of buffers, or a group of resources. */
async function resource(
  before = 0,
  after = 0,
  members: readonly string[] | null = null,
  thing: string = randomUUID(),
) {
  await slots.run(
    sql`select plinth.set_resource('slot', ${thing}, ${`${before} min`}, ${`${after} min`}, ${members})`,
  )
  return thing
}

const take = (thing: string, key: string, from: number, until: number, now = noon) =>
  slots.place([{ thing, key, during: [from, until] }], now)

/** Minutes from noon that are free between noon and two hours later. */
async function free(thing: string, now = noon, until = 120) {
  const rows = await slots.run<{ resource: string; from: string; until: string }>(sql`
    select f.resource, extract(epoch from lower(r) - ${noon}) / 60 as "from", extract(epoch from upper(r) - ${noon}) / 60 as until
    from plinth.free_ranges('slot', ${thing}, tstzmultirange(tstzrange(${noon}, ${at(until)})), ${now}) f, unnest(f.free) r
    order by f.rank, f.resource, r`)
  return rows.map((row) => [Number(row.from), Number(row.until)])
}

describe('a slot', () => {
  it('goes to one of those who want it, and what touches it fits beside it', async () => {
    const room = await resource()
    expect(await take(room, 'a', 0, 30)).toBe('ok')
    for (const [from, until] of [
      [0, 30],
      [29, 31],
      [-10, 1],
      [10, 20],
      [-5, 60],
    ] as const) {
      expect(await take(room, 'b', from, until)).toBe('not_enough_units PT409')
    }
    expect(await take(room, 'b', 30, 60)).toBe('ok')
    expect(await take(room, 'c', -30, 0)).toBe('ok')
  })

  it('keeps its buffers free of others', async () => {
    const chair = await resource(5, 10)
    await take(chair, 'a', 60, 90)
    expect(await take(chair, 'b', 100, 110)).toBe('not_enough_units PT409')
    expect(await take(chair, 'b', 104, 110)).toBe('not_enough_units PT409')
    expect(await take(chair, 'b', 105, 110)).toBe('ok')
    expect(await free(chair)).toEqual([[0, 45]])
  })

  it('is free the moment its hold expires, and then is the next one’s', async () => {
    const room = await resource()
    await take(room, 'a', 0, 30)
    expect(await take(room, 'b', 0, 30, at(9))).toBe('not_enough_units PT409')
    expect(await free(room, at(9))).toEqual([[30, 120]])
    expect(await free(room, at(10))).toEqual([[0, 120]])
    const next = { thing: room, key: 'b', during: [0, 30], expires: at(20) } as const
    expect(await slots.place([next], at(10))).toBe('ok')
    expect(await slots.commit(['a'], at(10))).toEqual([])
    expect(await slots.commit(['b'], at(11))).toEqual([['b', 1]])
  })

  it('stays taken once it is committed, whatever releases come late, until it is returned', async () => {
    const room = await resource()
    await take(room, 'booking', 0, 30)
    expect(await slots.commit(['booking'])).toEqual([['booking', 1]])
    expect(await slots.commit(['booking'], at(99)), 'the same again').toEqual([['booking', 1]])
    expect(await slots.release(['booking'])).toBe(0)
    expect(await take(room, 'booking', 0, 30, at(99)), 'is that booking').toBe('ok')
    expect(await take(room, 'booking', 40, 60)).toBe('already_committed PT409')
    expect(await take(room, 'b', 0, 30, at(9999))).toBe('not_enough_units PT409')
    expect(await slots.returned(['booking'])).toEqual([['booking', 1]])
    expect(await slots.returned(['booking'])).toEqual([])
    expect(await take(room, 'b', 0, 30)).toBe('ok')
  })

  it('moves when its key claims another time, and stays where it was when that one is taken', async () => {
    const room = await resource()
    await take(room, 'a', 0, 30)
    await take(room, 'b', 60, 90)
    expect(await take(room, 'a', 15, 45), 'it is not in its own way').toBe('ok')
    expect(await take(room, 'a', 50, 70)).toBe('not_enough_units PT409')
    expect(await free(room)).toEqual([
      [0, 15],
      [45, 60],
      [90, 120],
    ])
  })

  it('of several is held all or none', async () => {
    const room = await resource()
    await take(room, 'b', 60, 90)
    const weekly = (last: number) =>
      slots.place([
        { thing: room, key: 'w1', during: [0, 30] },
        { thing: room, key: 'w2', during: [last, last + 20] },
      ])
    expect(await weekly(70)).toBe('not_enough_units PT409')
    expect(await free(room)).toEqual([
      [0, 60],
      [90, 120],
    ])
    expect(await weekly(20), 'the two overlap').toBe('not_enough_units PT409')
    expect(await weekly(30)).toBe('ok')
  })

  it('needs a time with both ends, and a resource', async () => {
    const room = await resource()
    expect(await take(randomUUID(), 'a', 0, 30)).toBe('not_enough_units PT409')
    expect(await take(room, 'a', 30, 30)).toBe('invalid_claim PT422')
    expect(await slots.place([{ thing: room, key: 'a', quantity: 1 }])).toBe('not_enough_units PT409')
    const open = sql`select plinth.place_hold('slot', ${room}, 'a', 1, ${at(10)}, null, tstzrange(${noon}, null), ${noon})`
    expect(await codeOf(slots.run(open))).toBe('invalid_claim PT422')
    const seats = randomUUID()
    await slots.run(sql`select plinth.set_on_hand('slot', array[${seats}]::uuid[], array[3])`)
    expect(await take(seats, 'a', 0, 30)).toBe('invalid_claim PT422')
    expect(await codeOf(resource(0, 0, null, seats))).toBe('wrong_shape PT409')
    expect(await codeOf(resource(0, 0, [seats]))).toBe('wrong_shape PT409')
  })
})

describe('a group', () => {
  it('gives any one of its members, in their order, as long as one is free', async () => {
    const [ann, ben] = [await resource(), await resource()]
    const staff = await resource(0, 10, [ann, ben])
    for (const key of ['a', 'b']) expect(await take(staff, key, 0, 30)).toBe('ok')
    expect(await take(staff, 'c', 0, 30)).toBe('not_enough_units PT409')
    expect(await take(staff, 'c', 30, 60), 'the group’s buffer').toBe('not_enough_units PT409')
    const rows = await slots.run(
      sql`select key, thing from plinth.holds where claimed = ${staff} order by key`,
    )
    expect(rows).toEqual([
      { key: 'a', thing: ann },
      { key: 'b', thing: ben },
    ])
    expect(await take(staff, 'b', 0, 30), 'the same claim is the same hold').toBe('ok')
    await slots.release(['a'])
    expect(await take(staff, 'b', 5, 30), 'who holds a member keeps it').toBe('ok')
    expect(await take(staff, 'c', 0, 30)).toBe('ok')
  })

  it('and claims on its members do not book anybody twice', async () => {
    const [ann, ben] = [await resource(), await resource()]
    const [cut, colour] = [await resource(0, 0, [ann, ben]), await resource(0, 15, [ben])]
    expect(await take(ben, 'direct', 0, 30)).toBe('ok')
    expect(await take(cut, 'a', 0, 30)).toBe('ok')
    expect(await take(cut, 'b', 10, 20)).toBe('not_enough_units PT409')
    expect(await take(colour, 'c', 20, 40)).toBe('not_enough_units PT409')
    expect(await take(colour, 'c', 30, 60)).toBe('ok')
    expect(await take(cut, 'd', 60, 70), 'ann').toBe('ok')
    expect(await take(cut, 'e', 60, 70), 'ben still cleans up').toBe('not_enough_units PT409')
  })

  it('changes its members, and claims that there are stay', async () => {
    const [ann, ben] = [await resource(), await resource()]
    const staff = await resource(0, 0, [ann])
    await take(staff, 'a', 0, 30)
    await resource(0, 0, [ben], staff)
    expect(await take(staff, 'b', 0, 30)).toBe('ok')
    expect(await take(ann, 'c', 0, 30)).toBe('not_enough_units PT409')
  })
})

describe('the nearest free times', () => {
  it('are those beside what is taken, from the wanted one on, in steps, on any member', async () => {
    const [ann, ben] = [await resource(), await resource()]
    const staff = await resource(0, 5, [ann, ben])
    await take(ann, 'a', 0, 60)
    await take(ben, 'b', 30, 90)
    const rows = await slots.run<{ from: string; resources: string[] }>(sql`
      select extract(epoch from lower(during) - ${noon}) / 60 as "from", resources
      from plinth.find_ranges('slot', ${staff}, tstzrange(${at(30)}, ${at(60)}),
        tstzmultirange(tstzrange(${at(-20)}, ${at(150)})), '10 min', 4, ${at(-15)})`)
    expect(rows.map((row) => [Number(row.from), row.resources])).toEqual([
      [60, [ann]],
      [-10, [ben]],
      [70, [ann]],
      [80, [ann]],
    ])
  })
})

describe('many at once (AT-6, AT-7, AT-8)', () => {
  it.each(['UTC', 'America/Sao_Paulo'])('give one slot to exactly one, in %s', async (zone) => {
    const room = await resource()
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        codeOf(
          test.database.transactionAsOwner(async ({ query }) => {
            await query(sql`select set_config('TimeZone', ${zone}, true)`)
            await query(sql`select plinth.place_hold('slot', ${room}, ${`k${n}`}, 1, ${at(600)}, null,
              tstzrange(${at(n % 2 ? 0 : (n % 29) - 14)}, ${at(n % 2 ? 30 : (n % 29) + 16)}), ${noon})`)
          }),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'not_enough_units PT409']))
  })

  it('of groups and members never wait in a circle', async () => {
    const people = [await resource(), await resource(), await resource(), await resource()]
    const groups = await Promise.all(
      [
        [0, 1, 2],
        [3, 2, 1],
        [0, 3],
      ].map((members) =>
        resource(
          0,
          0,
          members.map((n) => people[n]!),
        ),
      ),
    )
    const outcomes = await Promise.all(
      Array.from({ length: 90 }, (_, n) =>
        slots.place([
          { thing: [...groups, ...people][n % 7]!, key: `g${n}`, during: [(n % 5) * 20, (n % 5) * 20 + 25] },
          {
            thing: [...people, ...groups][(n * 3) % 7]!,
            key: `h${n}`,
            during: [(n % 7) * 15, (n % 7) * 15 + 10],
          },
        ]),
      ),
    )
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'not_enough_units PT409']))
  })
})

describe('a hold', () => {
  it('is seen by its owner and by nobody else', async () => {
    const [ada, ben] = [actor('ada'), actor('ben')]
    const room = await resource()
    await slots.place([{ thing: room, key: 'mine', during: [0, 30], owner: ada.userId }])
    const seen = (who: typeof ada) =>
      test.database.asCaller<{ key: string }>(who, sql`select key from plinth.holds`).then(({ rows }) => rows)
    expect(await seen(ada)).toEqual([{ key: 'mine' }])
    expect(await seen(ben)).toEqual([])
    for (const statement of [
      sql`update plinth.holds set expires_at = 'infinity'`,
      sql`delete from plinth.holds`,
      sql`select plinth.return_holds('slot', '{mine}')`,
    ]) {
      expect(await codeOf(test.database.asCaller(ada, statement))).toBe('42501')
    }
  })
})
