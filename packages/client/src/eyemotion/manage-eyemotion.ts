import { PlinthError } from '../call-platform.ts'

export type Word = 'healthy' | 'warning' | 'critical'

export interface EyemotionHealth {
  readonly overall: Word
  readonly timestamp: string
  readonly components: Readonly<Record<string, { readonly status: Word; readonly milliseconds?: number }>>
}

/** How one part does, and what is wrong with it. */
export interface ComponentHealth {
  readonly status: Word
  readonly errors: readonly string[]
}

export interface EyemotionOptions {
  /** The project's address: `SUPABASE_URL`. */
  readonly url: string
  /** The service key: `SUPABASE_SERVICE_ROLE_KEY`. */
  readonly serviceRoleKey: string
  readonly fetch?: typeof fetch
}

/** A backup of everything. */
export interface EyemotionBackup {
  /** `backup:full:<when it was taken>` */
  readonly id: string
  /** By which `plinth backup` knows it. */
  readonly backupId: string
  readonly status: string
  readonly takenAt: string | null
  readonly rows: number | null
  readonly bytes: number | null
  readonly sha256: string | null
}

/** Looks that go on. */
export interface Monitoring {
  /** What was seen last; null before the first look has come back. */
  latest(): EyemotionHealth | null
  stop(): void
}

/** What an operator does with a running eyemotion, under the names that its requirement gives. */
export interface EyemotionManagement {
  performHealthCheck(): Promise<EyemotionHealth>
  checkDatabaseHealth(): Promise<ComponentHealth>
  /** Health, history, open alerts and activity, for people to read. */
  generateHealthReport(): Promise<string>
  /** Looks every so many minutes until it is stopped. A server that cannot be reached is critical. */
  startMonitoring(minutes: number, see?: (health: EyemotionHealth) => void): Monitoring
  /** Of everything: rows, accounts, key-value store, files, settings. Fails with `feature_off` while backupEnabled is off. */
  createFullBackup(): Promise<EyemotionBackup>
  /** The latest first. */
  listBackups(): Promise<readonly EyemotionBackup[]>
  /** Makes buckets, plans and what the database needs. Fails with `already_initialized` unless forced. */
  initialize(options?: {
    readonly force?: boolean
    readonly prices?: Readonly<Record<string, string>>
  }): Promise<unknown>
}

const base = '/make-server-7dc8476e'

interface SystemAnswer {
  readonly health: {
    readonly components: readonly {
      readonly component: string
      readonly status: string
      readonly milliseconds: number
      readonly problem: string | null
    }[]
  }
  readonly history: readonly {
    readonly component: string
    readonly status: string
    readonly beganAt: string
  }[]
  readonly alerts: readonly {
    readonly summary: string
    readonly beganAt: string
    readonly endedAt: string | null
  }[]
  readonly activity: { readonly active_users: number; readonly actions: number }
}

/** Every call fails with {@link PlinthError} when the server refuses it. */
export function manageEyemotion(options: EyemotionOptions): EyemotionManagement {
  const { url, serviceRoleKey, fetch: send = fetch } = options
  async function ask<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await send(`${url}${base}${path}`, {
      method,
      headers: {
        apikey: serviceRoleKey,
        authorization: `Bearer ${serviceRoleKey}`,
        'content-type': 'application/json',
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const given = (await answer.json()) as T & { readonly error?: string; readonly code?: string }
    if (!answer.ok)
      throw new PlinthError(given.error ?? answer.statusText, given.code ?? 'unknown', answer.status)
    return given
  }
  const system = () => ask<SystemAnswer>('GET', '/admin/system')
  const performHealthCheck = async (): Promise<EyemotionHealth> => {
    const { status, timestamp, components } = await ask<
      Omit<EyemotionHealth, 'overall'> & { readonly status: Word }
    >('GET', '/health')
    return { overall: status, timestamp, components }
  }
  return {
    performHealthCheck,
    checkDatabaseHealth: async () => {
      const found = (await system()).health.components.find(({ component }) => component === 'database')
      const errors = found?.problem ? [found.problem] : []
      return { status: wordOf(found?.status ?? 'down'), errors }
    },
    generateHealthReport: async () => renderReport(await performHealthCheck(), await system()),
    startMonitoring: (minutes, see) => {
      let latest: EyemotionHealth | null = null
      const look = async () => {
        latest = await performHealthCheck().catch(unreachable)
        see?.(latest)
      }
      void look()
      const timer = setInterval(look, minutes * 60_000)
      return { latest: () => latest, stop: () => clearInterval(timer) }
    },
    createFullBackup: () => ask('POST', '/backups', {}),
    listBackups: async () => (await ask<{ backups: EyemotionBackup[] }>('GET', '/backups')).backups,
    initialize: (given = {}) => ask('POST', '/init/complete', given),
  }
}

const unreachable = (): EyemotionHealth => ({
  overall: 'critical',
  timestamp: new Date().toISOString(),
  components: { server: { status: 'critical' } },
})

const wordOf = (status: string): Word =>
  status === 'ok' ? 'healthy' : status === 'degraded' ? 'warning' : 'critical'

function renderReport(
  health: EyemotionHealth,
  { health: parts, history, alerts, activity }: SystemAnswer,
): string {
  const open = alerts.filter(({ endedAt }) => endedAt === null)
  return [
    `eyemotion, ${health.timestamp}: ${health.overall}`,
    '',
    ...parts.components.map(
      ({ component, status, milliseconds, problem }) =>
        `${component.padEnd(16)} ${wordOf(status).padEnd(8)} ${milliseconds} ms${problem ? ` ${problem}` : ''}`,
    ),
    '',
    `open alerts: ${open.length === 0 ? 'none' : ''}`.trim(),
    ...open.map(({ summary, beganAt }) => `  ${beganAt} ${summary}`),
    'changes of parts, the latest first:',
    ...history
      .slice(0, 10)
      .map(({ component, status, beganAt }) => `  ${beganAt} ${component}: ${wordOf(status)}`),
    `in 24 hours: ${activity.active_users} active users, ${activity.actions} actions`,
    '',
  ].join('\n')
}
