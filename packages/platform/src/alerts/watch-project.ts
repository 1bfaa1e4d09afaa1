import { type ProjectDatabase, sql, type Transaction } from '../database/index.ts'
import { type HealthCheck, timeCheck } from '../http/index.ts'
import { type Clock, type Log, messageOf } from '../kernel/index.ts'
import type { Watched } from '../system/index.ts'
import type { AlertPort } from './alert-port.ts'
import { type DampedStatus, type Damping, dampStatus, type Status } from './damp-status.ts'
import { type AlertRule, stepRule } from './step-rule.ts'

export interface WatchOptions {
  readonly database: ProjectDatabase
  readonly watched: () => Watched
  readonly rules: readonly AlertRule[]
  readonly damping: Damping
  /** Milliseconds by part from which its answer counts as degraded, and as down. */
  readonly slowFrom: Readonly<Record<string, { readonly degraded: number; readonly down: number }>>
  /** True: a part that is down is an alert. */
  readonly partAlerts: boolean
  readonly clock: Clock
  readonly log: Log
}

/** One look at a part. */
export interface Look {
  readonly component: string
  readonly status: Status
  readonly milliseconds: number
  readonly problem: string | null
}

/** Looks at every part, side by side. */
export async function lookAtParts({ watched, slowFrom, log }: WatchOptions): Promise<Look[]> {
  return Promise.all(
    watched().health.map(async (check) => {
      const bounds = slowFrom[check.name]
      const timed: HealthCheck = bounds ? { ...check, slowFrom: bounds } : check
      const { status, detail, milliseconds } = await timeCheck(timed, log)
      const problem = detail?.problem ?? detail?.off
      return {
        component: check.name,
        status,
        milliseconds,
        problem: status === 'ok' || problem === undefined ? null : String(problem),
      }
    }),
  )
}

/** Looks at parts and figures, keeps what was seen, and begins and ends alerts; in one transaction. */
export async function watchProject(options: WatchOptions): Promise<void> {
  const { database, clock } = options
  const looks = await lookAtParts(options)
  const figures = await readFigures(options)
  await database.transactionAsOwner(async (transaction) => {
    await transaction.query(sql`select pg_advisory_xact_lock(hashtext('plinth alerts'))`)
    const now = clock.now()
    const statuses = await keepLooks(transaction, looks, options.damping, now)
    for (const { component, status, milliseconds } of statuses) {
      figures.set(`health.${component}`, statusFigures[status])
      figures.set(`health.${component}.milliseconds`, milliseconds)
    }
    const ofParts = options.partAlerts ? statuses.map(({ component }) => partRule(component)) : []
    for (const rule of [...options.rules, ...ofParts]) await applyRule(transaction, rule, figures, now)
  })
}

const statusFigures: Readonly<Record<Status, number>> = { ok: 0, degraded: 1, down: 2 }

const partRule = (component: string): AlertRule => ({
  name: `${component}-down`,
  summary: `${component} is down.`,
  severity: 'critical',
  figure: `health.${component}`,
  above: 1,
})

async function readFigures({ watched, log }: WatchOptions): Promise<Map<string, number | null>> {
  const read = watched().figures.map(async ({ name, read: readFigure }) => {
    try {
      return [name, await inTime(readFigure())] as const
    } catch (error) {
      log.warn({ figure: name, problem: messageOf(error) }, 'a figure could not be read')
      return [name, null] as const
    }
  })
  return new Map(await Promise.all(read))
}

/** A figure that takes longer is none. Milliseconds. */
const longestRead = 5_000

function inTime<T>(reading: Promise<T> | T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => reject(new Error(`it took longer than ${longestRead} ms`)), longestRead)
  Promise.resolve(reading)
    .then(resolve, reject)
    .finally(() => clearTimeout(timer))
  return promise
}

interface StateRow {
  readonly component: string
  readonly status: Status
  readonly differing: Status | null
  readonly times: number
}

async function keepLooks(
  transaction: Transaction,
  looks: readonly Look[],
  damping: Damping,
  now: Date,
): Promise<(Look & DampedStatus)[]> {
  const { rows } = await transaction.query<StateRow & Record<string, never>>(
    sql`select component, status, differing, differing_times as times from plinth.health_states`,
  )
  const states = new Map(rows.map((row) => [row.component, row]))
  const after: (Look & DampedStatus)[] = []
  for (const look of looks) {
    const before = states.get(look.component)
    const damped = dampStatus(before, look.status, damping)
    after.push({ ...look, ...damped })
    await keepLook(transaction, look, { before, damped, now })
  }
  return after
}

async function keepLook(
  transaction: Transaction,
  { component, status, milliseconds, problem }: Look,
  { before, damped, now }: { before: StateRow | undefined; damped: DampedStatus; now: Date },
): Promise<void> {
  await transaction.query(sql`
    insert into plinth.health_states as s (component, status, since, differing, differing_times, checked_at, milliseconds, problem)
    values (${component}, ${damped.status}, ${now}, ${damped.differing}, ${damped.times}, ${now}, ${milliseconds}, ${problem})
    on conflict (component) do update set status = excluded.status, differing = excluded.differing,
      differing_times = excluded.differing_times, checked_at = excluded.checked_at, milliseconds = excluded.milliseconds,
      problem = excluded.problem, since = case when s.status = excluded.status then s.since else excluded.since end`)
  await transaction.query(sql`
    insert into plinth.health_hours as h (component, hour, checks, ok, milliseconds, slowest)
    values (${component}, date_trunc('hour', ${now}::timestamptz, 'UTC'), 1, ${status === 'ok' ? 1 : 0}, ${milliseconds}, ${milliseconds})
    on conflict (component, hour) do update set checks = h.checks + 1, ok = h.ok + excluded.ok,
      milliseconds = h.milliseconds + excluded.milliseconds, slowest = greatest(h.slowest, excluded.slowest)`)
  if (before?.status === damped.status) return
  await transaction.query(
    sql`update plinth.health_history set ended_at = ${now} where component = ${component} and ended_at is null`,
  )
  await transaction.query(sql`
    insert into plinth.health_history (component, status, began_at, problem)
    values (${component}, ${damped.status}, ${now}, ${problem})`)
}

async function applyRule(
  transaction: Transaction,
  rule: AlertRule,
  figures: ReadonlyMap<string, number | null>,
  now: Date,
): Promise<void> {
  const value = figures.get(rule.figure) ?? null
  const { rows } = await transaction.query<{
    open: string | null
    beyond: string | null
    within: string | null
  }>(sql`
    select a.id as open, r.beyond_since as beyond, r.within_since as within
    from (select) one left join plinth.alerts a on a.rule = ${rule.name} and a.ended_at is null
    left join plinth.alert_rules r on r.rule = ${rule.name}`)
  const { open, beyond, within } = rows[0]!
  const time = (instant: string | null) => (instant === null ? null : new Date(instant).getTime())
  const before = { isOpen: open !== null, beyondSince: time(beyond), withinSince: time(within) }
  const { event, beyondSince, withinSince } = stepRule(rule, before, value, now.getTime())
  if (beyondSince !== before.beyondSince || withinSince !== before.withinSince)
    await transaction.query(sql`
      insert into plinth.alert_rules (rule, beyond_since, within_since) values (${rule.name}, ${instant(beyondSince)}, ${instant(withinSince)})
      on conflict (rule) do update set beyond_since = excluded.beyond_since, within_since = excluded.within_since`)
  if (event === 'began') await beginAlert(transaction, rule, value, now)
  if (event === 'ended') await endAlert(transaction, open!, now)
}

const instant = (time: number | null): Date | null => (time === null ? null : new Date(time))

async function beginAlert(
  transaction: Transaction,
  { name, severity = 'warning', summary }: AlertRule,
  value: number | null,
  now: Date,
): Promise<void> {
  await transaction.query(sql`
    with alert as (
      insert into plinth.alerts (rule, severity, summary, value, began_at)
      values (${name}, ${severity}, ${summary}, ${value}, ${now}) returning id
    )
    insert into plinth.alert_notices (alert, event, created_at) select id, 'began', ${now} from alert`)
}

async function endAlert(transaction: Transaction, id: string, now: Date): Promise<void> {
  await transaction.query(sql`update plinth.alerts set ended_at = ${now} where id = ${id}`)
  await transaction.query(
    sql`insert into plinth.alert_notices (alert, event, created_at) values (${id}, 'ended', ${now})`,
  )
}

/**
 * Sends what people were not told yet, in its order; the first that fails keeps those after it for the next time, so that
 * nobody hears of an end before its beginning.
 */
export async function sendNotices(
  { database, clock, log }: Pick<WatchOptions, 'database' | 'clock' | 'log'>,
  port: AlertPort,
): Promise<void> {
  const { rows } = await database.asOwner<Record<string, never>>(sql`
    select n.id, n.event, a.rule, a.severity, a.summary, a.value::float8 as value, a.began_at as "beganAt", a.ended_at as "endedAt"
    from plinth.alert_notices n join plinth.alerts a on a.id = n.alert
    where n.sent_at is null order by n.sequence limit 100`)
  for (const notice of rows as unknown as Parameters<AlertPort['send']>[0][]) {
    try {
      await port.send(notice)
    } catch (error) {
      log.warn(
        { rule: notice.rule, problem: messageOf(error) },
        'an alert could not be sent and is tried again',
      )
      return
    }
    await database.asOwner(
      sql`update plinth.alert_notices set sent_at = ${clock.now()} where id = ${notice.id}`,
    )
  }
}
