import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { type CallOptions, callProvider } from './orders/call-provider.ts'
import { foldTarget } from './orders/fold-target.ts'
import { recoverCheckouts } from './orders/open-checkout.ts'
import { refoldAll } from './orders/refold.ts'
import { restateOrders } from './orders/restate-orders.ts'
import { readSubscriptionBack } from './plans/read-subscription-back.ts'
import { renewalMilliseconds, tickSubscription } from './plans/run-subscription.ts'
import { reconcileDay } from './reconciliation/reconcile.ts'

const target = z.object({ target: z.uuid() })

/** Facts wait for a second or two; after this long their job is taken for lost. */
const lostMilliseconds = 120_000
const dayMilliseconds = 86_400_000
/** Beyond this a fact's job tries no more, and the check queues it anew. */
const attempts = 12

/** The jobs that bring orders in line with facts, and ask providers. */
export const paymentJobs = (options: CallOptions) => [
  defineJob({
    name: 'fold-payment',
    summary: 'Brings an order or a subscription in line with its facts: state, ledger, effects.',
    payload: target,
    concurrency: 3,
    attempts,
    run: async (_context, payload) => {
      await options.database.transactionAsOwner((transaction) =>
        foldTarget(transaction, payload.target, options),
      )
    },
  }),
  defineJob({
    name: 'call-payment-provider',
    summary: 'Asks a provider to capture or to give back.',
    payload: z.object({ request: z.uuid() }),
    concurrency: 2,
    attempts,
    run: (_context, { request }) => callProvider(options, request),
  }),
  defineJob({
    name: 'read-subscription',
    summary: 'Asks the provider that manages a subscription for its present state.',
    payload: target,
    concurrency: 2,
    attempts,
    run: (_context, payload) => readSubscriptionBack(options, payload.target),
  }),
  defineJob({
    name: 'restate-payments',
    summary: 'Tells the system the state of a tenant’s orders again, after a rewind.',
    payload: z.object({ tenant: z.string() }),
    concurrency: 1,
    run: (_context, { tenant }) => restateOrders(options, tenant),
  }),
  defineJob({
    name: 'check-payments',
    summary:
      'Checks the ledger, and takes up what a crash has left: facts, checkouts and requests without a job.',
    schedule: { line: '* * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock, log }) => {
      const wrong = await checkLedger(options.database, false)
      for (const problem of wrong) log.error(problem, 'an account of the ledger is frozen')
      const before = new Date(clock.now().getTime() - lostMilliseconds)
      await requeue(options.database, before)
      const found = await recoverCheckouts(options.database, options.providers, before)
      if (found > 0) log.info({ found }, 'checkouts of calls that were cut off')
    },
  }),
  defineJob({
    name: 'renew-subscriptions',
    summary: 'Asks for renewals, goes on to paid periods, and ends what is overdue or cancelled.',
    schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock, signal }) => {
      const soon = new Date(clock.now().getTime() + renewalMilliseconds)
      const { rows } = await options.database.asOwner<{ id: string }>(sql`
        select id from plinth.subscriptions
        where manager = 'plinth' and (status in ('trialing', 'active', 'past_due') and period_end <= ${soon} or status = 'incomplete')
        order by period_end nulls last`)
      for (const { id } of rows) {
        if (signal.aborted) return
        await options.database.transactionAsOwner((transaction) => tickSubscription(transaction, options, id))
      }
    },
  }),
  defineJob({
    name: 'reconcile-payments',
    summary: 'Compares the last days with what the providers list, in both directions.',
    schedule: { line: '0 2 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ days: z.number().int().min(1).max(90).default(3) }),
    concurrency: 1,
    run: async ({ clock, log, signal }, { days }) => {
      for (const provider of options.providers.values())
        for (let back = days; back > 0 && !signal.aborted; back -= 1) {
          const day = new Date(clock.now().getTime() - back * dayMilliseconds).toISOString().slice(0, 10)
          for (const difference of await reconcileDay(options, provider, day))
            log[difference.mended ? 'info' : 'warn'](difference, 'a provider and we differed')
        }
    },
  }),
  defineJob({
    name: 'check-whole-ledger',
    summary: 'Checks every posting that there is, and every order against all of its facts.',
    schedule: { line: '10 3 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ log }) => {
      for (const problem of await checkLedger(options.database, true))
        log.error(problem, 'an account of the ledger is frozen')
      for (const order of (await refoldAll(options.database)).drifted)
        log.error(order, 'an order is not what its facts say')
    },
  }),
]

/** One account that a check found wrong; it is frozen. */
interface LedgerProblem {
  readonly account: string
  readonly tenant: string
  readonly name: string
  readonly currency: string
  readonly problem: string
}

async function checkLedger(database: ProjectDatabase, full: boolean): Promise<readonly LedgerProblem[]> {
  return (await database.asOwner<LedgerProblem>(sql`select * from plinth.check_ledger(${full})`)).rows
}

async function requeue(database: ProjectDatabase, before: Date): Promise<void> {
  await database.asOwner(sql`select plinth.requeue_payments(${before})`)
  await database.asOwner(sql`
    select plinth.add_job('call-payment-provider', jsonb_build_object('request', id), null, 'call ' || id)
    from plinth.payment_requests where state = 'waiting' and provider <> 'manual' and asked_at < ${before} limit 1000`)
}
