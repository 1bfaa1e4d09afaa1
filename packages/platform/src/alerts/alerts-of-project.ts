import { type ProjectDatabase, sql } from '../database/index.ts'
import type { Status } from './damp-status.ts'
import { lookAtParts, type WatchOptions } from './watch-project.ts'

/** A part as it is now. */
export interface ComponentHealth {
  readonly component: string
  readonly status: Status
  readonly milliseconds: number
  readonly problem: string | null
}

export interface HealthSummary {
  /** The worst of its parts. */
  readonly status: Status
  readonly components: readonly ComponentHealth[]
}

/** A stretch of time in which a part had a status. */
export interface HealthStretch {
  readonly component: string
  readonly status: Status
  readonly beganAt: string
  readonly endedAt: string | null
  readonly problem: string | null
}

export interface Alert {
  readonly id: string
  readonly rule: string
  readonly severity: 'warning' | 'critical'
  readonly summary: string
  readonly value: number | null
  readonly beganAt: string
  /** Null while it is open. */
  readonly endedAt: string | null
}

/** How a project does and did. */
export interface Alerts {
  /** Looks at every part now; nothing is kept. */
  checkHealth(): Promise<HealthSummary>
  /** Every change of a part's status, the latest first. Default of the limit: 100. */
  healthHistory(options?: { readonly component?: string; readonly limit?: number }): Promise<HealthStretch[]>
  /** Open alerts first, then those that ended, the latest first. */
  list(options?: { readonly openOnly?: boolean; readonly limit?: number }): Promise<Alert[]>
}

const order: readonly Status[] = ['ok', 'degraded', 'down']

export function alertsOfProject(database: ProjectDatabase, watch: WatchOptions): Alerts {
  return {
    checkHealth: async () => {
      const components = await lookAtParts(watch)
      const worst = Math.max(0, ...components.map(({ status }) => order.indexOf(status)))
      return { status: order[worst]!, components }
    },
    healthHistory: async ({ component, limit = 100 } = {}) => {
      const { rows } = await database.asOwner<HealthStretch & Record<string, never>>(sql`
        select component, status, began_at as "beganAt", ended_at as "endedAt", problem from plinth.health_history
        where ${component ?? null}::text is null or component = ${component ?? null} order by id desc limit ${limit}`)
      return rows
    },
    list: async ({ openOnly = false, limit = 100 } = {}) => {
      const { rows } = await database.asOwner<Alert & Record<string, never>>(sql`
        select id, rule, severity, summary, value::float8 as value, began_at as "beganAt", ended_at as "endedAt" from plinth.alerts
        where ended_at is null or not ${openOnly}::boolean order by ended_at is not null, began_at desc limit ${limit}`)
      return rows
    },
  }
}
