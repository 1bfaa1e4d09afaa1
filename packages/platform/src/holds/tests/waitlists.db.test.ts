import { randomUUID } from 'node:crypto'
import { actor, useTestDatabase } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readHoldsMigrations } from '../index.ts'
import { at, codeOf, noon, useKind } from './holds-fixture.ts'

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  connections: { requests: 2, owner: 10 },
})
const seats = useKind(() => test.database, 'seat')

/** An event with seats, a waitlist whose offers stand for an hour, and a start. */
async function event(capacity: number, start = at(24 * 60)) {
  const thing = await seats.quota(capacity)
  const list = (closes: string, now = noon) =>
    codeOf(seats.run(sql`select plinth.set_waitlist('seat', ${thing}, '1 hour', ${closes}, ${now})`))
  await list(start)
  return {
    thing,
    closeAt: list,
    join: async (key: string, now = noon, quantity = 1, owner: string | null = null) => {
      const rows = await seats.run<{ state: string }>(
        sql`select state from plinth.join_waitlist('seat', ${thing}, ${key}, ${quantity}, ${owner}, ${now})`,
      )
      return rows[0]!.state
    },
    accept: (key: string, now = noon, until: string | null = null) =>
      codeOf(seats.run(sql`select plinth.accept_offer('seat', ${thing}, ${key}, ${until}, ${now})`)),
    leave: async (key: string, now = noon) =>
      (
        await seats.run<{ state: string | null }>(
          sql`select plinth.leave_waitlist('seat', ${thing}, ${key}, ${now}) as state`,
        )
      )[0]!.state,
    hold: (key: string, now = noon, quantity = 1, expires = at(24 * 60)) =>
      seats.place([{ thing, key, quantity, expires }], now),
    book: async (key: string, now = noon) => {
      const held = await seats.place([{ thing, key, quantity: 1, expires: at(24 * 60) }], now)
      if (held === 'ok') await seats.commit([key], now)
      return held
    },
    cancel: (now = noon) => seats.giveBack(thing, 1, now),
    states: async (now = noon) =>
      Object.fromEntries(
        (
          await seats.run<{ key: string; state: string; position: string | null }>(
            sql`select key, state, position from plinth.waitlist('seat', ${thing}, ${now})`,
          )
        ).map(({ key, state, position }) => [key, position === null ? state : Number(position)]),
      ),
    levels: (now = noon) => seats.levels(thing, now),
  }
}

const moveUp = (now: string) => seats.run(sql`select plinth.move_up_waitlists(${now})`)

describe('a waitlist', () => {
  it('offers what gets free to the first in line, and to nobody else', async () => {
    const show = await event(1)
    expect(await show.book('first')).toBe('ok')
    for (const key of ['a', 'b', 'c']) expect(await show.join(key)).toBe('waiting')
    expect(await show.states()).toEqual({ a: 1, b: 2, c: 3 })
    await show.cancel()
    expect(await show.states()).toEqual({ a: 'offered', b: 1, c: 2 })
    expect(await show.hold('newcomer')).toBe('not_enough_units PT409')
    expect(await show.hold('b'), 'nobody jumps the line').toBe('not_enough_units PT409')
    expect(await show.accept('b')).toBe('offer_is_gone PT409')
    expect(await show.accept('a')).toBe('ok')
    expect(await seats.commit(['a'])).toEqual([['a', 1]])
    expect(await show.states()).toEqual({ a: 'accepted', b: 1, c: 2 })
  })

  it('makes an offer at once where units are free and nobody waits', async () => {
    const show = await event(2)
    expect(await show.join('a')).toBe('offered')
    expect(await show.join('b', noon, 2)).toBe('waiting')
    expect(await show.hold('newcomer'), 'the free seat is the next in line’s').toBe('not_enough_units PT409')
    expect(await show.leave('b')).toBe('left')
    expect(await show.hold('newcomer')).toBe('ok')
  })

  it('passes an offer that was declined, or whose time is over, to the next', async () => {
    const show = await event(1)
    await show.book('first')
    for (const key of ['a', 'b', 'c', 'd']) await show.join(key)
    await show.cancel()
    expect(await show.leave('a')).toBe('declined')
    expect(await show.states()).toEqual({ a: 'declined', b: 'offered', c: 1, d: 2 })
    expect(await show.accept('b', at(60)), 'an hour is over').toBe('offer_is_gone PT409')
    expect(await show.states(at(59)), 'the refusal undid itself').toMatchObject({ b: 'offered' })
    await moveUp(at(60))
    expect(await show.states(at(60))).toEqual({ a: 'declined', b: 'expired', c: 'offered', d: 1 })
    await seats.release(['c'], at(61))
    expect(await show.states(at(61))).toMatchObject({ c: 'declined', d: 'offered' })
    expect(await show.levels(at(61))).toEqual([1, 1, 0])
  })

  it('needs no sweeper: whoever comes by moves the line up first', async () => {
    const show = await event(1)
    await show.book('first')
    await show.join('a')
    await show.join('b')
    await show.cancel()
    expect(await show.hold('newcomer', at(60))).toBe('not_enough_units PT409')
    expect(await show.join('c', at(60))).toBe('waiting')
    expect(await show.states(at(60))).toEqual({ a: 'expired', b: 'offered', c: 1 })
    expect(await show.leave('b', at(61))).toBe('declined')
    expect(await show.hold('newcomer', at(200)), 'the line is empty').toBe('ok')
    expect(await show.states(at(200))).toEqual({ a: 'expired', b: 'declined', c: 'expired' })
  })

  it('takes a claim of the key that was offered as its acceptance', async () => {
    const show = await event(1)
    await show.book('first')
    await show.join('a')
    await show.cancel()
    expect(await show.hold('a', at(10))).toBe('ok')
    await moveUp(at(90))
    expect(await show.states(at(90)), 'the hold has its own end now').toEqual({ a: 'accepted' })
    expect(await seats.commit(['a'], at(91))).toEqual([['a', 1]])
  })

  it('gives the seat of an accepted offer that was never paid to the next', async () => {
    const show = await event(1)
    await show.book('first')
    for (const key of ['a', 'b']) await show.join(key)
    await show.cancel()
    await show.accept('a', noon, at(15))
    await moveUp(at(14))
    expect(await show.states(at(14))).toEqual({ a: 'accepted', b: 1 })
    await moveUp(at(15))
    expect(await show.states(at(15))).toEqual({ a: 'accepted', b: 'offered' })
    expect(await seats.commit(['a'], at(15))).toEqual([])
  })

  it('ends with the event: no offer outlasts its start, and nobody is left waiting', async () => {
    const show = await event(1, at(90))
    await show.book('first')
    for (const key of ['a', 'b']) await show.join(key)
    await show.cancel(at(60))
    const offers = await seats.run(
      sql`select key from plinth.waitlist('seat', ${show.thing}, ${at(60)}) where offer_until = ${at(90)}`,
    )
    expect(offers).toEqual([{ key: 'a' }])
    expect(await show.states(at(90))).toEqual({ a: 'expired', b: 'expired' })
    await moveUp(at(90))
    expect(await show.levels(at(90))).toEqual([1, 0, 1])
    await expect(show.join('late', at(90))).rejects.toThrow('Nobody can wait')
    const rows = await seats.run(sql`select queue from plinth.pools where thing = ${show.thing}`)
    expect(rows).toEqual([{ queue: 0 }])
  })

  it('that closes earlier takes its offers back', async () => {
    const show = await event(1)
    await show.book('first')
    for (const key of ['a', 'b']) await show.join(key)
    await show.cancel()
    await show.closeAt(at(10), at(5))
    expect(await show.accept('a', at(10))).toBe('offer_is_gone PT409')
    expect(await show.hold('newcomer', at(10))).toBe('ok')
    expect(await show.states(at(10))).toEqual({ a: 'expired', b: 'expired' })
  })

  it('moves up when there are more seats, and waits while there are fewer than are taken', async () => {
    const show = await event(2)
    for (const key of ['x', 'y']) await show.book(key)
    for (const key of ['a', 'b']) await show.join(key)
    await seats.quota(1, show.thing)
    await show.cancel()
    expect(await show.states()).toEqual({ a: 1, b: 2 })
    await seats.quota(2, show.thing)
    expect(await show.states()).toEqual({ a: 'offered', b: 1 })
    await seats.quota(9, show.thing)
    expect(await show.states()).toEqual({ a: 'offered', b: 'offered' })
    expect(await show.levels()).toEqual([8, 2, 6])
  })

  it('does not stop at somebody who wants more than there can be', async () => {
    const show = await event(2)
    for (const key of ['x', 'y']) await show.book(key)
    await show.join('crowd', noon, 3)
    await show.join('pair', noon, 2)
    await show.join('single')
    await show.cancel()
    expect(await show.states(), 'first come, first served').toEqual({ crowd: 1, pair: 2, single: 3 })
    await show.cancel()
    expect(await show.states()).toEqual({ crowd: 1, pair: 'offered', single: 2 })
  })

  it('keeps a place once per key, and gives a new one to who comes again', async () => {
    const show = await event(1)
    await show.book('first')
    for (const key of ['a', 'b', 'a']) await show.join(key)
    expect(await show.states()).toEqual({ a: 1, b: 2 })
    await show.leave('a')
    expect(await show.leave('a')).toBe(null)
    await show.join('a')
    expect(await show.states()).toEqual({ b: 1, a: 2 })
    await show.cancel()
    await expect(show.join('x', noon, 0)).rejects.toThrow('Who waits needs')
    await show.accept('b')
    expect(await codeOf(show.join('b'))).toBe('already_held PT409')
  })

  it('is there only where it was opened, on things that are counted', async () => {
    const thing = await seats.quota(1)
    const join = sql`select plinth.join_waitlist('seat', ${thing}, 'a', 1, null, ${noon})`
    expect(await codeOf(seats.run(join))).toBe('waitlist_closed PT409')
    const open = sql`select plinth.set_waitlist('seat', ${randomUUID()})`
    expect(await codeOf(seats.run(open))).toBe('wrong_shape PT409')
  })

  it('shows people their own place and nobody else’s', async () => {
    const show = await event(1)
    const [ada, ben] = [actor('ada'), actor('ben')]
    await show.book('first')
    await show.join('a', noon, 1, ada.userId)
    await show.join('b', noon, 1, ben.userId)
    const { rows } = await test.database.asCaller(ada, sql`select key, state from plinth.waiters`)
    expect(rows).toEqual([{ key: 'a', state: 'waiting' }])
  })
})
