import type { ProjectDatabase } from '@plinth/platform/database'
import { silentLog } from '@plinth/platform/kernel'
import { service, useTestDatabase, waitFor } from '@plinth/testing'
import { afterEach, expect, test } from 'vitest'
import { limitsSchema } from '../../limits/realtime-limits.ts'
import type { WatchAudience } from '../audience.ts'
import { type CopyChecks, createCopyChecks } from './compare-copies.ts'
import { readKeys } from './read-snapshot.ts'
import { createToldKeys } from './told-keys.ts'

const test_ = useTestDatabase({
  seed: 'create table public.things (id int primary key); insert into public.things values (1), (2);',
})
let checks: CopyChecks | undefined
afterEach(() => checks?.stop())

/** An audience that holds these keys, on a stream that the test moves by hand. */
function createAudience(held: readonly string[]): WatchAudience {
  const id = { name: 'id', type: 'int4', base: 23, element: 0 }
  return {
    kind: 'watch',
    session: { caller: service, key: 'service' },
    payer: 'test',
    members: new Set([{}]),
    view: { table: { oid: 1, schema: 'public', table: 'things' }, key: [id], columns: [id], filter: null },
    keys: createToldKeys('epoch', held),
    pending: null,
    ready: Promise.resolve(),
    touched: null,
    dependencies: null,
  } as unknown as WatchAudience
}

function createChecks(stream: { position: string | null; wake(): void; fail?(read: number): boolean }) {
  const restarted: WatchAudience[] = []
  let reads = 0
  const database: ProjectDatabase = {
    ...test_.database,
    asCaller: (...given) => {
      reads += 1
      if (stream.fail?.(reads)) return Promise.reject(Object.assign(new Error('too late'), { code: '57014' }))
      return test_.database.asCaller(...given)
    },
  }
  checks = createCopyChecks({
    audiences: { all: () => [] },
    context: { database } as never,
    copies: {
      restart: async (audience: WatchAudience) => {
        restarted.push(audience)
      },
    } as never,
    runner: {} as never,
    limits: limitsSchema.parse({}),
    log: silentLog,
    delivered: () => stream.position,
    after: (_, callback) => callback(),
    wake: () => stream.wake(),
  })
  return { checks, restarted, reads: () => reads }
}

test('copies that differ start anew once the stream has come past what was read, however often marks are lost', async () => {
  let marks = 0
  const stream = {
    position: '0/1' as string | null,
    // The first mark is lost with the connection of the stream.
    wake: () => {
      marks += 1
      if (marks > 1) stream.position = 'FFFF/0'
    },
  }
  const made = createChecks(stream)
  const audience = createAudience(['[1]'])
  made.checks.doubt(audience)
  await waitFor(() => made.restarted.length > 0)
  expect(made.restarted).toEqual([audience])
  // It was read once, and waited for: read again and again, a stream that lags would never be caught up with.
  expect(made.reads()).toBe(1)
  expect(marks).toBe(2)
  expect(audience.touched).toBeNull()
})

test('what the stream told meanwhile explains a difference; others are compared in the meantime', async () => {
  const stream = { position: null as string | null, wake: () => undefined }
  const made = createChecks(stream)
  const [told, differing] = [createAudience([]), createAudience([])]
  made.checks.doubt(told)
  await waitFor(() => told.touched !== null && made.reads() === 1)
  made.checks.doubt(differing)
  await waitFor(() => made.reads() === 2)
  // The rows came by in the stream after the read.
  const { keys } = await readBack(told)
  for (const key of keys) told.touched!.add(key)
  stream.position = 'FFFF/0'
  await waitFor(() => made.restarted.length > 0)
  await waitFor(() => told.touched === null)
  expect(made.restarted).toEqual([differing])
})

test('copies that start anew by themselves are compared again afterwards', async () => {
  const stream = { position: null as string | null, wake: () => undefined }
  const made = createChecks(stream)
  const audience = createAudience([])
  made.checks.doubt(audience)
  await waitFor(() => audience.touched !== null && made.reads() === 1)
  const { keys } = await readBack(audience)
  audience.keys = createToldKeys('next', keys)
  stream.position = 'FFFF/0'
  await waitFor(() => made.reads() === 2 && audience.touched === null)
  expect(made.restarted).toEqual([])
})

test('a comparison that a busy machine makes late is repeated; one that always is ends its copies', async () => {
  const patient = { ...createAudience([]), members: new Set([{}]) } as WatchAudience
  const made = createChecks({ position: 'FFFF/0', wake: () => undefined, fail: (read) => read < 3 })
  made.checks.doubt(patient)
  await waitFor(() => made.restarted.length > 0)
  expect(made.reads()).toBe(3)
  made.checks.stop()

  const ended: unknown[] = []
  const listener = { subscriptionEnded: (reason: { code: string }) => ended.push(reason.code) }
  const hopeless = { ...createAudience([]), members: new Set([{ listener }]) } as unknown as WatchAudience
  const again = createChecks({ position: 'FFFF/0', wake: () => undefined, fail: () => true })
  again.checks.doubt(hopeless)
  await waitFor(() => ended.length > 0)
  expect([ended, again.reads()]).toEqual([['policy_raised'], 3])
})

/** The keys of the rows, in the form of copies. */
const readBack = ({ session, view }: WatchAudience) =>
  readKeys(test_.database, { session, view, limit: 10, timeout: 5_000 })
