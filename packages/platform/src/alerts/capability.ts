import { z } from 'zod'
import { sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { notificationsOffer } from '../notifications/index.ts'
import { defineCapability, offerKey, type Watched } from '../system/index.ts'
import type { AlertPort } from './alert-port.ts'
import { type Alerts, alertsOfProject } from './alerts-of-project.ts'
import { alertErrors } from './errors.ts'
import { readAlertsMigrations } from './migrations.ts'
import { notifyPeople } from './notify-people.ts'
import type { AlertRule } from './step-rule.ts'
import { sendNotices, type WatchOptions, watchProject } from './watch-project.ts'

/** A project's health and alerts, for commands and other capabilities. */
export interface AlertsOffer extends Alerts {
  /** Sends alerts by this port from now on, in place of notifications to `mailTo` and `smsTo` or the log. */
  connect(port: AlertPort): void
}

export const alertsOffer = offerKey<AlertsOffer>('alerts')

export interface AlertsDeclaration {
  readonly rules?: readonly AlertRule[]
  /** By part, milliseconds from which its answer counts as degraded, and as down. */
  readonly slowFrom?: WatchOptions['slowFrom']
}

const settings = z.object({
  everyMinutes: z
    .number()
    .int()
    .min(1)
    .max(30)
    .default(1)
    .describe('Minutes between two looks at every part.'),
  worseAfter: z
    .number()
    .int()
    .min(1)
    .default(2)
    .describe('Looks in a row at which a part has to be worse before it counts.'),
  betterAfter: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe('Looks in a row at which a part has to be better before it counts.'),
  partAlerts: z.boolean().default(true).describe('Whether a part that is down is an alert.'),
  keepDays: z.number().int().min(1).default(365).describe('Days that alerts and the history are kept.'),
  mailTo: z
    .array(z.email())
    .default([])
    .describe(
      'Addresses that get alerts by e-mail, by the project’s notifications. Without any, alerts are in the log.',
    ),
  smsTo: z
    .array(z.string().min(4))
    .default([])
    .describe('Telephone numbers that get critical alerts by SMS.'),
})

/** Looks at every part of the project, keeps how it did, and tells people when a figure is beyond its bound. */
export const alerts = ({
  rules = [],
  slowFrom = {},
  ...defaults
}: AlertsDeclaration & z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'alerts',
    migrations: readAlertsMigrations,
    settings,
    defaults,
    open: ({ database, watched, clock, log, settings: given, system, offer: offerOf }) => {
      for (const rule of rules) requireRule(rule, rules)
      const {
        everyMinutes,
        worseAfter: worse,
        betterAfter: better,
        partAlerts,
        keepDays,
        mailTo,
        smsTo,
      } = given
      const watch: WatchOptions = {
        database,
        watched,
        rules,
        damping: { worse, better },
        slowFrom,
        partAlerts,
        clock,
        log,
      }
      const logPort: AlertPort = {
        send: async ({ id: _, ...notice }) => log.warn(notice, `alert ${notice.event}: ${notice.summary}`),
      }
      // Asked for when it is needed: notifications may be opened after alerts.
      const ownPort = () =>
        mailTo.length + smsTo.length > 0
          ? notifyPeople(offerOf(notificationsOffer), system.name, { mailTo, smsTo })
          : logPort
      let connected: AlertPort | undefined
      const own = alertsOfProject(database, watch)
      return {
        context: () => ({ alerts: own }),
        offer: {
          ...own,
          connect: (given) => {
            connected = given
          },
        } satisfies AlertsOffer,
        start: async () => {
          for (const rule of rules) requireFigure(rule, watched())
          ownPort()
        },
        jobs: [
          defineJob({
            name: 'watch-project',
            summary: 'Looks at every part and figure, keeps what it saw, and tells people of alerts.',
            schedule: { line: `*/${everyMinutes} * * * *`, zone: 'UTC', catchUp: 'skip' },
            payload: z.object({}),
            concurrency: 1,
            run: async () => {
              await watchProject(watch)
              await sendNotices(watch, connected ?? ownPort())
            },
          }),
          defineJob({
            name: 'prune-alerts',
            summary: 'Forgets alerts and the history of health that are older than their retention.',
            schedule: { line: '40 1 * * *', zone: 'UTC', catchUp: 'once' },
            payload: z.object({}),
            concurrency: 1,
            run: async (context) => {
              const oldest = new Date(context.clock.now().getTime() - keepDays * 86_400_000)
              await database.asOwner(sql`delete from plinth.alerts where ended_at < ${oldest}`)
              await database.asOwner(sql`delete from plinth.health_history where ended_at < ${oldest}`)
              await database.asOwner(sql`delete from plinth.health_hours where hour < ${oldest}`)
            },
          }),
        ],
      }
    },
  })

/** A rule about nothing would never say anything. */
function requireFigure({ name, figure }: AlertRule, { health, figures }: Watched): void {
  const [start, part, ...rest] = figure.split('.')
  const isHealth = start === 'health' && (rest.length === 0 || rest.join('.') === 'milliseconds')
  const known = isHealth
    ? health.some((check) => check.name === part)
    : figures.some((source) => source.name === figure)
  if (!known) throw alertErrors.alert_rule_invalid({ rule: name, problem: `there is no figure ${figure}` })
}

function requireRule({ name, above, below }: AlertRule, rules: readonly AlertRule[]): void {
  const refuse = (problem: string) => {
    throw alertErrors.alert_rule_invalid({ rule: name, problem })
  }
  if ((above === undefined) === (below === undefined)) refuse('it needs a bound above or a bound below')
  if (rules.filter((rule) => rule.name === name).length > 1) refuse('another rule has its name')
}
