import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import type { HealthCheck } from '../http/index.ts'
import { defineRoute } from '../routes/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { personHooks, tenantHooks } from './data-hooks.ts'
import { readPaymentMigrations } from './migrations.ts'
import type { FoldContext } from './orders/fold-context.ts'
import type { PaymentHooks } from './orders/payment-hooks.ts'
import { paymentJobs } from './payment-jobs.ts'
import { createPayments, type Payments } from './payments.ts'
import { openProviders } from './providers/open-providers.ts'
import { paymentSettings } from './settings.ts'

export const paymentsOffer = offerKey<Payments>('payments')

export interface PaymentsDeclaration extends z.input<typeof paymentSettings> {
  /** What the system does because of orders. */
  readonly hooks?: PaymentHooks
  /** Parts of what a subscription's period costs, taxes among them. Default: all of it to the account `subscriptions`. */
  readonly subscriptionLines?: FoldContext['subscriptionLines']
  /** Providers without which the system is not whole: while one has no keys, health is degraded. Default none. */
  readonly expects?: readonly ('stripe' | 'razorpay')[]
}

/** Money counted once: orders, providers, a ledger, plans. Handlers find it as `ctx.payments`. */
export const payments = ({
  hooks = {},
  subscriptionLines,
  expects = [],
  ...defaults
}: PaymentsDeclaration = {}) =>
  defineCapability({
    name: 'payments',
    migrations: readPaymentMigrations,
    settings: paymentSettings,
    defaults,
    open: (project) => {
      const { database, clock, settings } = project
      const providers = openProviders(settings, project.system.name)
      const refused = new Map<string, number>()
      const context = { hooks, clock, subscriptionLines }
      const offer = createPayments({
        ...context,
        database,
        providers,
        secondPerson: settings.secondPerson,
        key: project.deriveKey('payments'),
        onRefused: (name) => void refused.set(name, (refused.get(name) ?? 0) + 1),
      })
      return {
        context: () => ({ payments: offer }),
        offer,
        routes: [...providers.all.keys()].map((name) => webhookRoute(name, offer)),
        jobs: paymentJobs({ ...context, database, providers: providers.all }),
        health: [
          checkPayments(
            database,
            refused,
            expects.filter((name) => !providers.all.has(name)),
          ),
        ],
        tenantHooks: tenantHooks(database),
        personHooks: personHooks(database),
      }
    },
  })

/** Providers deliver in bursts, from a few addresses. */
const webhookLimit = { calls: 60_000, seconds: 60, per: 'everyone' } as const
/** Events hold one object and what it refers to. */
const webhookBytes = 256 * 1024

const webhookRoute = (provider: string, payments: Payments) =>
  defineRoute({
    method: 'POST',
    path: `/payments/webhooks/${provider}`,
    summary: `What ${provider} reports.`,
    access: 'webhook',
    limit: webhookLimit,
    bodyLimit: webhookBytes,
    responses: { 200: z.object({ received: z.literal(true) }) },
    handle: async ({ rawBody, request }) => {
      await payments.receive(provider, rawBody, (name) => request.headers.get(name) ?? undefined)
      return { received: true as const }
    },
  })

const checkPayments = (
  database: ProjectDatabase,
  refused: ReadonlyMap<string, number>,
  off: readonly string[],
): HealthCheck => ({
  name: 'payments',
  check: async () => {
    const { rows } = await database.asOwner<
      Record<'waiting' | 'unmatched' | 'frozen' | 'seconds', string>
    >(sql`
      select
        (select count(*) from plinth.payment_inbox where processed_at is null and target is not null) as waiting,
        (select count(*) from plinth.payment_inbox where target is null) as unmatched,
        (select count(*) from plinth.ledger_accounts where frozen_at is not null) as frozen,
        (select coalesce(ceil(extract(epoch from plinth.now() - min(received_at))), 0)
         from plinth.payment_inbox where processed_at is null and target is not null) as seconds`)
    const { waiting, unmatched, frozen, seconds } = rows[0]!
    const isLate = Number(seconds) > 120
    return {
      status: Number(frozen) > 0 || isLate || off.length > 0 ? 'degraded' : 'ok',
      detail: {
        waiting,
        unmatched,
        frozen,
        oldestSeconds: seconds,
        refused: Object.fromEntries(refused),
        off,
      },
    }
  },
})
