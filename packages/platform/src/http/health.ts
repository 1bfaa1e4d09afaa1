import { AppError, type Log } from '../kernel/index.ts'

/** How one part of the server is doing. `degraded`: it works, but something is off that an operator should know. */
export interface HealthStatus {
  readonly status: 'ok' | 'degraded' | 'down'
  /** What is off and what to do, or figures worth seeing. Told to the project's own service key only. */
  readonly detail?: Readonly<Record<string, unknown>>
}

export interface HealthCheck {
  /** The project and the part: `shops/database`, `shops/tail`. */
  readonly name: string
  check(): Promise<HealthStatus> | HealthStatus
  /** Milliseconds from which an answer counts as degraded, and as down, whatever it says. Default never. */
  readonly slowFrom?: { readonly degraded: number; readonly down: number }
}

export interface HealthReport {
  /** The worst of its checks. */
  readonly status: HealthStatus['status']
  readonly checks: Readonly<Record<string, HealthStatus>>
}

/** A check that takes longer counts as down. Milliseconds. */
const longestCheck = 3_000
/** How old a report may be that is given again. Milliseconds. */
const freshness = 1_000

/**
 * Gives reports that are up to a second old: whoever asks, and however many, the checks run once a second and once at a
 * time, side by side. One that fails or takes longer than three seconds counts as down; why goes to the log.
 */
export function createHealthReports(
  checks: readonly HealthCheck[],
  log: Log,
  now: () => number = () => performance.now(),
): () => Promise<HealthReport> {
  let report: Promise<HealthReport> | undefined
  let fresh = false
  let madeAt = 0
  return () => {
    if (report && (!fresh || now() - madeAt < freshness)) return report
    fresh = false
    report = checkHealth(checks, log).finally(() => {
      fresh = true
      madeAt = now()
    })
    return report
  }
}

/** The words that anybody may read: no figures, no problems in detail. */
export function withoutDetails(report: HealthReport): HealthReport {
  return mapChecks(report, (_, { status }) => ({ status }))
}

/** The words of all projects, and the details of one. */
export function withDetailsOf(project: string, report: HealthReport): HealthReport {
  return mapChecks(report, (name, result) =>
    name.startsWith(`${project}/`) ? result : { status: result.status },
  )
}

function mapChecks(report: HealthReport, change: (name: string, result: HealthStatus) => HealthStatus) {
  const checks = Object.entries(report.checks).map(([name, result]) => [name, change(name, result)])
  return { status: report.status, checks: Object.fromEntries(checks) as HealthReport['checks'] }
}

async function checkHealth(checks: readonly HealthCheck[], log: Log): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => [check.name, await ask(check, log)] as const))
  const worst = results.reduce<HealthStatus['status']>(
    (status, [, result]) => worse(status, result.status),
    'ok',
  )
  return { status: worst, checks: Object.fromEntries(results) }
}

/** Asks one check, and says how long it took, in milliseconds. */
export async function timeCheck(
  check: HealthCheck,
  log: Log,
): Promise<HealthStatus & { readonly milliseconds: number }> {
  const began = performance.now()
  const answer = await answerOf(check, log)
  const milliseconds = Math.round(performance.now() - began)
  const { degraded = Number.POSITIVE_INFINITY, down = Number.POSITIVE_INFINITY } = check.slowFrom ?? {}
  if (milliseconds < degraded || answer.status === 'down') return { ...answer, milliseconds }
  const detail = { ...answer.detail, problem: `it took ${milliseconds} ms` }
  return { status: milliseconds >= down ? 'down' : 'degraded', detail, milliseconds }
}

async function ask(check: HealthCheck, log: Log): Promise<HealthStatus> {
  const { milliseconds: _, ...status } = await timeCheck(check, log)
  return status
}

async function answerOf(check: HealthCheck, log: Log): Promise<HealthStatus> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<HealthStatus>((resolve) => {
    timer = setTimeout(
      () => resolve({ status: 'down', detail: { problem: 'no answer in 3 s' } }),
      longestCheck,
    )
  })
  try {
    return await Promise.race([Promise.resolve(check.check()), tooLate])
  } catch (error) {
    if (error instanceof AppError) return { status: 'down', detail: { problem: error.message } }
    log.warn({ err: error, check: check.name }, 'health check failed')
    return { status: 'down', detail: { problem: 'it failed; the server log says why' } }
  } finally {
    clearTimeout(timer)
  }
}

const severity = { ok: 0, degraded: 1, down: 2 } as const

const worse = (a: HealthStatus['status'], b: HealthStatus['status']) => (severity[a] >= severity[b] ? a : b)
