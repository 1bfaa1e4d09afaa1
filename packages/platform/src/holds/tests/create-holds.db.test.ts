import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createFakeClock, useTestDatabase } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import type { CapabilityProject } from '../../system/index.ts'
import {
  createHolds,
  type Holds,
  holdErrors,
  holds as holdsCapability,
  readHoldsMigrations,
} from '../index.ts'

const test = useTestDatabase({ migrations: [readHoldsMigrations()] })
const clock = createFakeClock()
let holds: Holds

beforeAll(() => {
  holds = createHolds(test.database, clock)
})

const inMinutes = (minutes: number) => new Date(clock.now().getTime() + minutes * 60_000)

describe('holds for handlers', () => {
  it('reserve bytes, settle them and give them back', async () => {
    const user = randomUUID()
    expect(await holds.available('byte', user)).toBe(null)
    await holds.setLimit('byte', user, 100)
    await holds.place('byte', [{ thing: user, key: 'file', quantity: 60, expiresAt: inMinutes(5) }])
    expect(await holds.available('byte', user)).toBe(40)
    await holds.settle('byte', 'file', 70)
    await holds.returnUnits('byte', user, 70)
    expect(await holds.available('byte', user)).toBe(100)
    await expect(holds.settle('byte', 'file', 1)).rejects.toMatchObject({ code: 'hold_is_gone', status: 409 })
    await expect(
      holds.place('byte', [{ thing: user, key: 'big', quantity: 101, expiresAt: inMinutes(5) }]),
    ).rejects.toMatchObject({
      code: 'not_enough_units',
      details: { short: [{ thing: user, wanted: 101, available: 100 }] },
    })
  })

  it('go by the project’s clock', async () => {
    const user = randomUUID()
    await holds.setLimit('byte', user, 1)
    await holds.place('byte', [{ thing: user, key: 'old', quantity: 1, expiresAt: inMinutes(5) }])
    clock.advance(5 * 60_000)
    await holds.place('byte', [{ thing: user, key: 'new', quantity: 1, expiresAt: inMinutes(5) }])
    expect(await holds.commit('byte', ['old', 'new'])).toEqual([{ thing: user, key: 'new', quantity: 1 }])
  })

  it('burn credits from lots', async () => {
    const ada = randomUUID()
    await holds.grantLot('credit', ada, { key: 'bought', quantity: 5, rank: 1 })
    await holds.grantLot('credit', ada, { key: 'included', quantity: 5, expiresAt: inMinutes(60) })
    await holds.place('credit', [{ thing: ada, key: 'film', quantity: 6, expiresAt: inMinutes(5) }])
    await holds.commit('credit', ['film'])
    expect(await holds.balance('credit', ada)).toBe(4)
    expect(await holds.lots('credit', ada)).toEqual([
      { key: 'included', granted: 5, burned: 5, held: 0, available: 0, expiresAt: inMinutes(60) },
      { key: 'bought', granted: 5, burned: 1, held: 0, available: 4, expiresAt: null },
    ])
    expect(await holds.returnHolds('credit', ['film'])).toEqual([{ thing: ada, key: 'film', quantity: 6 }])
  })

  it('book slots, and find others', async () => {
    const room = randomUUID()
    await test.database.asOwner(sql`select plinth.set_resource('slot', ${room})`)
    const wish = { from: inMinutes(60), until: inMinutes(90) }
    await holds.place('slot', [{ thing: room, key: 'b1', expiresAt: inMinutes(5), ...wish }])
    await holds.commit('slot', ['b1'])
    const within = [{ from: inMinutes(60), until: inMinutes(180) }]
    expect(await holds.findRanges('slot', room, { ...wish, within, step: 30, limit: 2 })).toEqual([
      { from: inMinutes(90), until: inMinutes(120), resources: [room] },
      { from: inMinutes(120), until: inMinutes(150), resources: [room] },
    ])
    expect(await holds.release('slot', ['b1'])).toBe(0)
  })

  it('wait in line', async () => {
    const show = randomUUID()
    await holds.setLimit('seat', show, 1)
    await test.database.asOwner(
      sql`select plinth.set_waitlist('seat', ${show}, '1 hour', ${inMinutes(600)}, ${clock.now()})`,
    )
    expect(await holds.joinWaitlist('seat', show, 'a')).toEqual({
      state: 'offered',
      offerUntil: inMinutes(60),
    })
    expect(await holds.joinWaitlist('seat', show, 'b', { owner: randomUUID() })).toEqual({
      state: 'waiting',
      offerUntil: null,
    })
    await holds.leaveWaitlist('seat', show, 'a')
    await holds.acceptOffer('seat', show, 'b')
    await expect(holds.acceptOffer('seat', show, 'a')).rejects.toMatchObject({ code: 'offer_is_gone' })
  })
})

describe('a person', () => {
  it('gets their holds and places in line, and is forgotten without losing what is held', async () => {
    const [ada, show] = [randomUUID(), randomUUID()]
    await holds.setLimit('chair', show, 2)
    await holds.place('chair', [
      { thing: show, key: 'ada', quantity: 1, expiresAt: inMinutes(5), owner: ada },
    ])
    await test.database.asOwner(sql`select plinth.set_waitlist('chair', ${show}, p_at => ${clock.now()})`)
    await holds.joinWaitlist('chair', show, 'ada again', { owner: ada })
    const project = { database: test.database, clock } as unknown as CapabilityProject<Record<string, never>>
    const { personHooks } = holdsCapability().open(project)
    const exported = async (person: string) => {
      const files = []
      for await (const { content } of personHooks!.export!(person)) files.push(JSON.parse(String(content)))
      return files
    }
    const [file] = await exported(ada)
    expect(file.holds.map(({ key }: { key: string }) => key).sort()).toEqual(['ada', 'ada again'])
    expect(file.waitlists).toMatchObject([{ key: 'ada again', state: 'offered' }])
    expect(await exported('ada@example.test')).toEqual([])
    await test.database.transactionAsOwner((transaction) => personHooks!.erase!(ada, transaction))
    expect(await exported(ada)).toEqual([])
    expect(await holds.commit('chair', ['ada'])).toEqual([{ thing: show, key: 'ada', quantity: 1 }])
  })
})

it('what SQL refuses is in the catalogue, with the same status', async () => {
  const folder = new URL('../sql/migrations/', import.meta.url)
  const texts = await Promise.all(
    (await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')),
  )
  const raised = texts.flatMap((text) =>
    [...text.matchAll(/plinth\.refuse\('(\w+)', (\d+)/g)].map(
      ([, code, status]) => [code!, Number(status)] as const,
    ),
  )
  const catalogued = Object.values(holdErrors).map(
    ({ code, definition }) => [code, definition.status] as const,
  )
  expect(new Map(raised)).toEqual(new Map(catalogued))
})
