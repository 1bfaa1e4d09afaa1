import { sql } from '../../database/index.ts'
import type { Delivery } from '../facts/delivery.ts'
import { storeFact } from '../facts/store-fact.ts'
import { noOrder, type OrderState } from '../fold/fold-order.ts'
import type { CallOptions } from '../orders/call-provider.ts'
import { foldTarget } from '../orders/fold-target.ts'
import type { PaymentProvider } from '../providers/payment-provider.ts'
import { knownOf, type Moved, movedBy } from './compare.ts'

export interface Difference extends Moved {
  readonly provider: string
  /** The day, UTC: `2026-03-01`. */
  readonly day: string
  readonly problem: 'unknown_here' | 'missed_here' | 'unknown_there' | 'amount_differs'
  readonly target: string | null
  readonly ours: number
  readonly theirs: number
  readonly mended: boolean
}

const dayMilliseconds = 86_400_000

/**
 * Compares a provider's payments and refunds of one day (UTC) with ours, in both directions, and writes the differences down.
 * What the provider says and we missed is stored as a fact and folded; what is left is for a person.
 */
export async function reconcileDay(
  options: CallOptions,
  provider: PaymentProvider,
  day: string,
): Promise<readonly Difference[]> {
  const from = new Date(`${day}T00:00:00Z`)
  const until = new Date(from.getTime() + dayMilliseconds)
  const theirs = new Map<string, Moved>()
  const found: Difference[] = []
  for await (const delivery of provider.list(from, until)) {
    const moved = movedBy(delivery.events)
    if (!moved) continue
    theirs.set(moved.object, moved)
    const difference = await compareOne(options, provider.name, day, delivery, moved)
    if (difference) found.push(difference)
  }
  found.push(...(await unknownThere(options, provider, day, { from, until, theirs })))
  for (const difference of found) await record(options, difference)
  return found
}

interface Known {
  readonly target: string
  /** False for a subscription. */
  readonly is_order: boolean
  readonly state: OrderState | null
}

async function findTarget(
  { database }: CallOptions,
  provider: string,
  objects: readonly string[],
): Promise<Known | null> {
  const { rows } = await database.asOwner<Known>(sql`
    select p.target, o.state, o.id is not null as is_order from plinth.payment_objects p left join plinth.payment_orders o on o.id = p.target
    where p.provider = ${provider} and p.object = any (${objects}) limit 1`)
  return rows[0] ?? null
}

async function compareOne(
  options: CallOptions,
  provider: string,
  day: string,
  delivery: Delivery,
  moved: Moved,
): Promise<Difference | null> {
  const before = await findTarget(options, provider, delivery.objects)
  // Invoices of subscriptions that the provider renews are folded from their own events.
  if (before && !before.is_order) return null
  const ours = before ? knownOf(before.state ?? noOrder, moved) : 0
  if (ours === moved.amount) return null
  const base = { ...moved, provider, day, ours, theirs: moved.amount }
  await store(options, delivery)
  const after = await findTarget(options, provider, delivery.objects)
  if (!after) return { ...base, problem: 'unknown_here', target: null, mended: false }
  const mended = knownOf(after.state ?? noOrder, moved) === moved.amount
  return { ...base, problem: ours === 0 ? 'missed_here' : 'amount_differs', target: after.target, mended }
}

const store = (options: CallOptions, delivery: Delivery): Promise<void> =>
  options.database.transactionAsOwner(async (transaction) => {
    const { target } = await storeFact(transaction, delivery, { source: 'api', queue: false })
    if (target) await foldTarget(transaction, target, options)
  })

/** What facts of the day told us, and the provider neither lists nor knows when it is asked for the order. */
async function unknownThere(
  { database, clock }: CallOptions,
  provider: PaymentProvider,
  day: string,
  {
    from,
    until,
    theirs,
  }: { readonly from: Date; readonly until: Date; readonly theirs: ReadonlyMap<string, Moved> },
): Promise<Difference[]> {
  const { rows } = await database.asOwner<{
    target: string
    events: Delivery['events']
    checkout: string | null
  }>(sql`
    select i.target, f.events, (select c.object from plinth.payment_checkouts c
      where c.target = i.target and c.provider = ${provider.name} and c.object is not null order by c.asked_at desc limit 1) as checkout
    from plinth.payment_facts f join plinth.payment_inbox i on i.fact = f.id
    where f.provider = ${provider.name} and f.source = 'webhook' and i.target is not null
      and f.occurred_at >= ${from} and f.occurred_at < ${until}`)
  const found = new Map<string, Difference>()
  for (const { target, events, checkout } of rows) {
    const moved = movedBy(events)
    if (!moved || theirs.has(moved.object) || found.has(moved.object)) continue
    const known = checkout ? await provider.readCheckout(checkout, clock.now()) : []
    if (known.some((each) => movedBy(each.events)?.object === moved.object)) continue
    const base = { ...moved, provider: provider.name, day, target, ours: moved.amount, theirs: 0 }
    found.set(moved.object, { ...base, problem: 'unknown_there', mended: false })
  }
  return [...found.values()]
}

async function record({ database, clock }: CallOptions, difference: Difference): Promise<void> {
  const { provider, day, object, problem, target, ours, theirs, currency, mended } = difference
  await database.asOwner(sql`
    insert into plinth.payment_differences as d
      (provider, day, object, problem, target, ours, theirs, currency, found_at, mended_at)
    values (${provider}, ${day}, ${object}, ${problem}, ${target}, ${ours}, ${theirs}, ${currency}, ${clock.now()},
      ${mended ? clock.now() : null})
    on conflict (provider, day, object, problem) do update
      set mended_at = coalesce(d.mended_at, excluded.mended_at), target = excluded.target`)
}
