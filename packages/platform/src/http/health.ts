import { AppError, type Log } from '../kernel/index.ts'

/** How one part of the server is doing. `degraded`: it works, but something is off that an operator should know. */
export interface HealthStatus {
  readonly status: 'ok' | 'degraded' | 'down'
  /** What is off and what to do, or figures worth seeing. */
  readonly detail?: Readonly<Record<string, unknown>>
}

export interface HealthCheck {
  /** `shops/database`, `shops/tail`. */
  readonly name: string
  check(): Promise<HealthStatus> | HealthStatus
}

export interface HealthReport {
  readonly status: HealthStatus['status']
  readonly checks: Readonly<Record<string, HealthStatus>>
}

const longestCheck = 3_000

/**
 * Asks every check at once; one that fails or takes longer than three seconds counts as down. Everybody may read the
 * report, so that only our own words stand in it; what else failed goes to the log.
 */
export async function checkHealth(checks: readonly HealthCheck[], log: Log): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => [check.name, await ask(check, log)] as const))
  const worst = results.reduce<HealthStatus['status']>(
    (status, [, result]) => worse(status, result.status),
    'ok',
  )
  return { status: worst, checks: Object.fromEntries(results) }
}

async function ask(check: HealthCheck, log: Log): Promise<HealthStatus> {
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
