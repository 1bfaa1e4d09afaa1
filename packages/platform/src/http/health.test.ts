import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog, systemClock } from '../kernel/index.ts'
import { createApp } from './create-app.ts'
import { createHealthReports, type HealthCheck, type HealthStatus } from './health.ts'
import { openProjectKeys } from './keys/create-project-keys.ts'
import type { ProjectKeys } from './keys/project-keys.ts'
import { createProjectDirectory } from './project-directory.ts'

describe('reports', () => {
  const ok: HealthStatus = { status: 'ok' }

  it('are made once a second and once at a time, whoever asks', async () => {
    let asked = 0
    let time = 0
    const answer = Promise.withResolvers<HealthStatus>()
    const check = () => {
      asked++
      return asked === 1 ? answer.promise : ok
    }
    const report = createHealthReports([{ name: 'shops/database', check }], silentLog, () => time)
    const waiting = Array.from({ length: 80 }, report)
    time = 5_000
    waiting.push(report())
    answer.resolve(ok)
    await Promise.all(waiting)
    time = 5_999
    await report()
    expect(asked).toBe(1)
    time = 6_000
    await Promise.all(Array.from({ length: 80 }, report))
    expect(asked).toBe(2)
  })

  it('tell the worst, and keep what failed inside to themselves', async () => {
    const checks: HealthCheck[] = [
      { name: 'shops/database', check: () => ok },
      { name: 'shops/tail', check: () => ({ status: 'degraded', detail: { lag: 9 } }) },
    ]
    expect(await createHealthReports(checks, silentLog)()).toMatchObject({ status: 'degraded' })
    const failing = { name: 'shops/jobs', check: () => Promise.reject(new Error('user "owner_shops"')) }
    const report = await createHealthReports([...checks, failing], silentLog)()
    expect(report).toMatchObject({ status: 'down', checks: { 'shops/jobs': { status: 'down' } } })
    expect(JSON.stringify(report)).not.toContain('owner_shops')
  })
})

describe('health over HTTP', () => {
  let folder: string
  let shops: ProjectKeys
  let courses: ProjectKeys
  let app: ReturnType<typeof createApp>
  let tail: HealthStatus
  const busy = Promise.withResolvers<HealthStatus>()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-health-'))
    shops = await openProjectKeys('shops', join(folder, 'shops'), systemClock)
    courses = await openProjectKeys('courses', join(folder, 'courses'), systemClock)
  })
  afterAll(() => rm(folder, { recursive: true }))

  const start = (checks: readonly HealthCheck[]) => {
    const host = (name: string, keys: ProjectKeys) => ({
      name,
      keys,
      functionNames: new Set<string>(),
      surfaces: [],
    })
    const directory = createProjectDirectory([host('shops', shops), host('courses', courses)])
    app = createApp({ directory, health: checks, clock: systemClock, log: silentLog })
  }
  const startWith = (status: HealthStatus) => {
    tail = status
    start([
      { name: 'shops/tail', check: () => tail },
      { name: 'courses/tail', check: () => tail },
    ])
  }
  const lag = { status: 'degraded', detail: { slot: 'plinth_shops', lag: 9 } } as const
  const read = async (headers: Record<string, string> = {}) =>
    (await app.request('/health', { headers })).json()

  it('is one word for each part to anybody', async () => {
    startWith(lag)
    const words = {
      status: 'degraded',
      checks: { 'shops/tail': { status: 'degraded' }, 'courses/tail': { status: 'degraded' } },
    }
    const forged = `${shops.serviceRoleKey.slice(0, -2)}xx`
    expect(await read()).toEqual(words)
    expect(await read({ apikey: shops.anonKey })).toEqual(words)
    expect(await read({ apikey: forged })).toEqual(words)
    expect(await read({ authorization: 'Bearer nonsense' })).toEqual(words)
  })

  it('is told in detail to a service key, of its own project only', async () => {
    startWith(lag)
    for (const headers of [
      { apikey: shops.serviceRoleKey },
      { apikey: shops.anonKey, authorization: `Bearer ${shops.serviceRoleKey}` },
    ])
      expect(await read(headers)).toEqual({
        status: 'degraded',
        checks: { 'shops/tail': lag, 'courses/tail': { status: 'degraded' } },
      })
  })

  it('is ready unless a part is down', async () => {
    startWith(lag)
    expect((await app.request('/health/ready')).status).toBe(200)
    startWith({ status: 'down' })
    expect((await app.request('/health/ready')).status).toBe(503)
    expect((await app.request('/health')).status).toBe(503)
  })

  it('is alive while everything else is busy, and asked for by eighty', async () => {
    start([{ name: 'shops/database', check: () => busy.promise }])
    const asking = Array.from({ length: 80 }, () => app.request('/health'))
    expect((await app.request('/health/live')).status).toBe(200)
    busy.resolve({ status: 'ok' })
    for (const response of await Promise.all(asking)) expect(response.status).toBe(200)
  })
})
