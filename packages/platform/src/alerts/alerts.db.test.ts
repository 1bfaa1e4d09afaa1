import { openTestSystem, useSystem } from '@plinth/testing/system'
import { describe, expect, it } from 'vitest'
import type { HealthStatus } from '../http/index.ts'
import { defineSystem } from '../system/index.ts'
import { type AlertNotice, type AlertRule, alerts, alertsOffer } from './index.ts'

const world = { kitchen: 'ok' as HealthStatus['status'], waiting: 0 as number | null }
const rules: readonly AlertRule[] = [
  { name: 'orders-waiting', summary: 'Orders wait.', figure: 'orders-waiting', above: 10, forSeconds: 60 },
]
const sampleOf = (name: string, given: Parameters<typeof alerts>[0]) =>
  defineSystem({
    name,
    summary: 'A kitchen.',
    tenant: null,
    uses: [alerts(given)],
    migrations: async () => ({ name, migrations: [] }),
    functions: [],
    jobs: [],
    realtimeTables: [],
    journalledTables: [],
    health: () => [
      { name: 'kitchen', check: () => ({ status: world.kitchen, detail: { problem: 'no gas' } }) },
      { name: 'oven', check: () => ({ status: 'ok' }), slowFrom: { degraded: 0, down: 60_000 } },
    ],
    figures: () => [
      {
        name: 'orders-waiting',
        unit: 'orders',
        read: () => {
          if (world.waiting === null) throw new Error('no figure today')
          return world.waiting
        },
      },
    ],
  })

describe('alerts', () => {
  const system = useSystem(sampleOf('kitchens', { rules, slowFrom: { tail: { degraded: 0, down: 0 } } }))
  const sent: AlertNotice[] = []
  const project = () => system.project.offer(alertsOffer)
  /** What one look a minute later leads to. */
  const look = async () => {
    sent.length = 0
    system.clock.advance(60_000)
    await system.jobs.runDue()
    return sent.filter(({ rule }) => rule !== 'tail-down').map(({ event, rule }) => `${event} ${rule}`)
  }
  const connect = (send: (notice: AlertNotice) => Promise<void> = async (notice) => void sent.push(notice)) =>
    project().connect({ send })
  const historyOf = async (component: string) =>
    (await project().healthHistory({ component })).map(({ status }) => status)

  it('begin when a part is down at two looks, and end at the third good one (E-H1)', async () => {
    connect()
    await look()
    world.kitchen = 'down'
    expect(await look()).toEqual([])
    expect(await look()).toEqual(['began kitchen-down'])
    expect(sent[0]).toMatchObject({ severity: 'critical', summary: 'kitchen is down.', endedAt: null })
    expect(await project().list({ openOnly: true })).toContainEqual(
      expect.objectContaining({ rule: 'kitchen-down' }),
    )
    world.kitchen = 'ok'
    expect([await look(), await look()]).toEqual([[], []])
    expect(await look()).toEqual(['ended kitchen-down'])
    expect(sent[0]!.endedAt).not.toBeNull()
    expect(await historyOf('kitchen')).toEqual(['ok', 'down', 'ok'])
    expect((await project().healthHistory({ component: 'kitchen' }))[1]).toMatchObject({ problem: 'no gas' })
  })

  it('do not flap with a part that does', async () => {
    const events = []
    for (let minute = 0; minute < 12; minute += 1) {
      world.kitchen = minute % 2 ? 'ok' : 'down'
      events.push(...(await look()))
    }
    world.kitchen = 'ok'
    expect(events).toEqual([])
    expect(await historyOf('kitchen')).toEqual(['ok', 'down', 'ok'])
  })

  it('count a slow answer as a bad one, as the part or the system says', async () => {
    const { status, components } = await project().checkHealth()
    expect(components.find(({ component }) => component === 'oven')).toMatchObject({
      status: 'degraded',
      problem: expect.stringContaining('took'),
    })
    expect(components.find(({ component }) => component === 'tail')!.status).toBe('down')
    expect(status).toBe('down')
  })

  it('begin when a figure is beyond its bound for long enough, and end when it is not', async () => {
    world.waiting = 11
    expect(await look()).toEqual([])
    world.waiting = null
    expect(await look()).toEqual([])
    world.waiting = 12
    expect(await look()).toEqual(['began orders-waiting'])
    expect(sent[0]).toMatchObject({ value: 12, severity: 'warning' })
    world.waiting = 3
    expect([await look(), await look()]).toEqual([[], ['ended orders-waiting']])
  })

  it('are told once each and in order, also when nobody could be reached at first', async () => {
    world.waiting = 20
    connect(() => Promise.reject(new Error('no way out')))
    expect([await look(), await look()]).toEqual([[], []])
    world.waiting = 0
    expect([await look(), await look()]).toEqual([[], []])
    connect()
    expect(await look()).toEqual(['began orders-waiting', 'ended orders-waiting'])
    expect(new Set(sent.map(({ id }) => id)).size).toBe(sent.length)
    expect(await look()).toEqual([])
  })

  it('and the history are forgotten after their time', async () => {
    const { rows } = await system.database.asOwner<{ checks: number }>({
      text: `select sum(checks)::int as checks from plinth.health_hours where component = 'kitchen'`,
    })
    expect(rows[0]!.checks).toBeGreaterThan(10)
    expect((await project().list()).length).toBeGreaterThan(1)
    system.clock.advance(400 * 86_400_000)
    await system.jobs.run('prune-alerts')
    expect(await project().list()).toEqual(await project().list({ openOnly: true }))
    expect(await historyOf('kitchen')).toEqual(['ok'])
  })
})

describe('a rule that means nothing', () => {
  const rule: AlertRule = { name: 'x', summary: '', figure: 'orders-waiting', above: 1 }
  it.each<[string, readonly AlertRule[]]>([
    ['without a bound', [{ name: 'x', summary: '', figure: 'orders-waiting' }]],
    ['with two bounds', [{ ...rule, below: 0 }]],
    ['of a name that another has', [rule, rule]],
  ])('%s is refused when the project is opened', async (_case, wrong) => {
    const opening = openTestSystem(sampleOf('wrong', { rules: wrong }))
    await expect(opening).rejects.toMatchObject({ code: 'alert_rule_invalid' })
  })

  it('about no figure is refused when the project is started', async () => {
    const opened = openTestSystem(sampleOf('wrong', { rules: [{ ...rule, figure: 'health.cellar' }] }), {
      stream: true,
    })
    await expect(opened).rejects.toMatchObject({ code: 'alert_rule_invalid' })
  })
})
