import { clusterAddress, createFakeClock, useTestDatabase, waitFor } from '@plinth/testing'
import { findRedis, startRedis, type TestRedis } from '@plinth/testing/programs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAuthMigrations } from '../../auth/index.ts'
import { createMemoryLimiter } from '../../http/index.ts'
import { silentLog, systemClock } from '../../kernel/index.ts'
import { createSignals, type Signals } from '../../signals/index.ts'
import { readKeysMigrations } from '../index.ts'
import { keysOfProject } from '../keys-of-project.ts'
import { createKnownKeys, type KnownKeys } from '../known-keys.ts'
import { type CallLimits, createCallLimits, neverBack } from '../limits/call-limits.ts'

interface Node {
  readonly signals: Signals
  readonly known: KnownKeys
}

describe('keys on several nodes', () => {
  const test = useTestDatabase({ migrations: [readAuthMigrations(), readKeysMigrations()] })
  const nodes: Node[] = []
  const key = Buffer.alloc(32)
  const keys = () => keysOfProject({ database: test.database, sealingKey: key, clock: systemClock, by: null })
  const outcome = ({ known }: Node, text: string) =>
    known.require(text, '192.0.2.1').then(
      () => 'good',
      (error: { code: string }) => error.code,
    )
  const outcomes = (text: string) => Promise.all(nodes.map((node) => outcome(node, text)))
  const statements = async () => {
    const { rows } = await test.database.asOwner<{ n: number }>({
      text: 'select sum(seq_scan + idx_scan)::int as n from pg_stat_user_tables where relname = $1',
      values: ['key_hashes'],
    })
    return rows[0]!.n
  }

  beforeAll(async () => {
    for (const _ of [1, 2]) {
      const signals = createSignals({
        url: test.addresses.ownerDirect,
        system: 'sample',
        log: silentLog,
        pulse: 300,
      })
      const unknown = createMemoryLimiter({ points: 1_000, seconds: 60, name: 'unknown' })
      const onPlain = () => undefined
      const known = createKnownKeys({
        database: test.database,
        signals,
        unknown,
        clock: systemClock,
        onPlain,
      })
      await signals.start()
      nodes.push({ signals, known })
    }
  })
  afterAll(async () => {
    for (const { signals } of nodes) await signals.stop()
  })

  it('are known without asking again, and revoked on each of them at once', async () => {
    const { id, key: text } = await keys().create({ name: 'x' })
    expect(await outcomes(text)).toEqual(['good', 'good'])
    const before = await statements()
    for (let n = 0; n < 50; n += 1) await outcomes(text)
    expect(await statements()).toBe(before)
    await keys().revoke(id)
    const revokedAt = performance.now()
    await waitFor(async () => (await outcomes(text)).every((code) => code === 'key_revoked'))
    // Signals, not the bound that holds without them.
    expect(performance.now() - revokedAt).toBeLessThan(5_000)
  })

  it('one that was asked for before it was made is found once it is', async () => {
    const text = `sk_${'n'.repeat(32)}`
    expect(await outcomes(text)).toEqual(['key_unknown', 'key_unknown'])
    const insert = `insert into plinth.api_keys (name, value) values ('new', $1)`
    await test.database.asOwner({ text: insert, values: [text] })
    await waitFor(async () => (await outcomes(text)).every((code) => code === 'good'))
  })

  it('are asked for each time while signals are cut, and kept again when they are back', async () => {
    const { id, key: text } = await keys().create({ name: 'x' })
    expect(await outcomes(text)).toEqual(['good', 'good'])
    const client = new pg.Client({ connectionString: clusterAddress() })
    await client.connect()
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'plinth signals sample' and datname = $1`,
      [decodeURIComponent(new URL(test.addresses.owner).pathname.slice(1))],
    )
    await client.end()
    await waitFor(() => nodes.every(({ signals }) => !signals.isLive()))
    await keys().revoke(id)
    expect(await outcomes(text)).toEqual(['key_revoked', 'key_revoked'])
    await waitFor(() => nodes.every(({ signals }) => signals.isLive()))
    expect(await outcomes(text)).toEqual(['key_revoked', 'key_revoked'])
  })
})

describe('the clock of limits', () => {
  it('goes on from where it was when it is set back', () => {
    const clock = createFakeClock()
    const now = neverBack(clock)
    const first = now()
    clock.advance(-86_400_000)
    expect(now()).toBe(first)
    clock.advance(1_000)
    expect(now()).toBe(first + 1_000)
  })
})

describe.skipIf(!findRedis())('limits of keys through Redis', () => {
  let redis: TestRedis
  const limits: CallLimits[] = []

  beforeAll(async () => {
    redis = await startRedis()
    for (const _ of [1, 2])
      limits.push(
        createCallLimits({ redisUrl: redis.url, system: 'sample', clock: systemClock, log: silentLog }),
      )
  })
  afterAll(async () => {
    for (const each of limits) await each.close()
    await redis.stop()
  })

  const areJoined = async () => {
    const probe = `probe ${Math.random()}`
    await limits[0]!.take(probe, 1)
    return !(await limits[1]!.take(probe, 1)).allowed
  }

  it('let exactly a thousand of 5,000 calls on two nodes through, and refusals do not count (AT-37)', async () => {
    await waitFor(areJoined)
    const taken = await Promise.all(
      Array.from({ length: 5_000 }, (_, n) => limits[n % 2]!.take('busy', 1_000)),
    )
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(1_000)
    expect(taken.every(({ seconds }) => seconds >= 1 && seconds <= 3_620)).toBe(true)
    expect(await limits[0]!.take('busy', 1_001)).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('count on each node while Redis is away', async () => {
    await waitFor(areJoined)
    redis.kill('SIGKILL')
    await waitFor(async () => !(await areJoined()))
    expect((await limits[0]!.take('alone', 1)).allowed).toBe(true)
    expect((await limits[0]!.take('alone', 1)).allowed).toBe(false)
  })
})
