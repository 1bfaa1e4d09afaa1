import { randomUUID } from 'node:crypto'
import { useTestDatabase } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { readHoldsMigrations } from '../index.ts'
import { at, useKind } from './holds-fixture.ts'

const test = useTestDatabase({ migrations: [readHoldsMigrations()], connections: { requests: 1, owner: 10 } })
const bytes = useKind(() => test.database, 'byte')

describe('bytes', () => {
  it('are reserved, settled at the true size, and given back', async () => {
    const user = await bytes.quota(100)
    expect(await bytes.place([{ thing: user, key: 'file', quantity: 60 }])).toBe('ok')
    expect(await bytes.levels(user)).toEqual([100, 60, 40])
    expect(await bytes.settle('file', 45)).toBe('ok')
    expect(await bytes.levels(user)).toEqual([55, 0, 55])
    expect(await bytes.giveBack(user, 45)).toBe('ok')
    expect(await bytes.levels(user)).toEqual([100, 0, 100])
    expect(await bytes.giveBack(user, 1)).toBe('nothing_to_return PT409')
    expect(await bytes.giveBack(user, -1)).toBe('invalid_claim PT422')
  })

  it('are settled above what was reserved as far as the limit goes', async () => {
    const user = await bytes.quota(100)
    await bytes.place([{ thing: user, key: 'grown', quantity: 60 }])
    await bytes.place([{ thing: user, key: 'other', quantity: 30, expires: at(5) }])
    expect(await bytes.settle('grown', 71)).toBe('not_enough_units PT409')
    expect(await bytes.levels(user)).toEqual([100, 90, 10])
    expect(await bytes.settle('grown', 95, at(5)), 'the other reservation has run out').toBe('ok')
    expect(await bytes.levels(user, at(5))).toEqual([5, 0, 5])
  })

  it('count in several quotas under one key', async () => {
    const [user, bucket] = [await bytes.quota(100), await bytes.quota(50)]
    const claims = (quantity: number) => [
      { thing: user, key: 'shared', quantity },
      { thing: bucket, key: 'shared', quantity },
    ]
    expect(await bytes.place(claims(51))).toBe('not_enough_units PT409')
    expect(await bytes.levels(user)).toEqual([100, 0, 100])
    expect(await bytes.place(claims(40))).toBe('ok')
    expect(await bytes.settle('shared', 51)).toBe('not_enough_units PT409')
    expect(await bytes.settle('shared', 50)).toBe('ok')
    expect([await bytes.levels(user), await bytes.levels(bucket)]).toEqual([
      [50, 0, 50],
      [0, 0, 0],
    ])
  })

  it('are refused beyond a limit that shrank below what is used, and nothing is taken back', async () => {
    const user = await bytes.quota(100)
    await bytes.place([{ thing: user, key: 'kept', quantity: 80 }])
    await bytes.commit(['kept'])
    await bytes.place([{ thing: user, key: 'running', quantity: 15 }])
    await bytes.quota(50, user)
    expect(await bytes.levels(user)).toEqual([-30, 15, -45])
    expect(await bytes.place([{ thing: user, key: 'more', quantity: 1 }])).toBe('not_enough_units PT409')
    expect(await bytes.place([{ thing: user, key: 'running', quantity: 16 }])).toBe('not_enough_units PT409')
    expect(
      await bytes.place([{ thing: user, key: 'running', quantity: 12 }]),
      'less is always possible',
    ).toBe('ok')
    expect(await bytes.settle('running', 12)).toBe('ok')
    expect(await bytes.giveBack(user, 80)).toBe('ok')
    expect(await bytes.levels(user)).toEqual([38, 0, 38])
  })

  it('that were reserved too long ago are gone', async () => {
    const user = await bytes.quota(100)
    await bytes.place([{ thing: user, key: 'slow', quantity: 60, expires: at(5) }])
    expect(await bytes.settle('slow', 10, at(5))).toBe('hold_is_gone PT409')
    expect(await bytes.settle('nobody', 10)).toBe('hold_is_gone PT409')
    expect(await bytes.settle('slow', -1)).toBe('invalid_claim PT422')
    expect(await bytes.settle('slow', 0, at(4)), 'settled at nothing is released').toBe('ok')
    expect(await bytes.levels(user)).toEqual([100, 0, 100])
  })

  it('need a limit that is a number, on a thing that is a quota', async () => {
    const { run } = bytes
    await run({ text: `select plinth.set_on_hand('byte', array['${randomUUID()}'::uuid], array[3])` })
    const [{ thing }] = (await run<{ thing: string }>({
      text: `select thing from plinth.pools where shape = 'counted'`,
    })) as [{ thing: string }]
    await expect(bytes.quota(5, thing)).rejects.toThrow('another shape')
    await expect(bytes.quota(-1)).rejects.toThrow('A limit is')
  })
})
