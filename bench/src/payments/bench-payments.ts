import { createHmac, randomUUID } from 'node:crypto'
import { type Statement, sql } from '@plinth/platform/database'
import { refoldAll } from '@plinth/platform/payments'
import { alone, type Figure, median } from '../figure.ts'
import { type BenchTill, openBenchTill, webhookSecret } from './open-bench-till.ts'

const rounds = 5
const perRound = 1_000
const atOnce = 4
const accounts = 200
const backlog = 10_000
const facts = 1_000_000
const factsPerOrder = 5

/** Ledger postings beside bare inserts, webhooks beside a bare insert behind the same HTTP, and all facts folded again. */
export async function* benchPayments(): AsyncIterable<Figure> {
  const till = await openBenchTill()
  try {
    yield* benchLedger(till)
    yield* benchWebhooks(till)
    yield* benchRefold(till)
  } finally {
    await till.close()
  }
}

/** Runs `perRound` pieces of work, `atOnce` at a time; gives pieces a second. */
async function rate(count: number, lanes: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const began = performance.now()
  let next = 0
  const lane = async () => {
    while (next < count) {
      next += 1
      await work(next)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return (count / (performance.now() - began)) * 1000
}

/** Interleaved rounds, so that both meet the same machine; the first round warms and does not count. */
async function compare(
  kinds: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, number[]>> {
  const rates: Record<string, number[]> = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]))
  for (let round = 0; round <= rounds; round += 1)
    for (const [kind, run] of Object.entries(kinds)) {
      const measured = await run()
      if (round > 0) rates[kind]!.push(measured)
    }
  return rates
}

const ratio = (over: readonly number[], under: readonly number[]): number =>
  median(over.map((value, n) => value / under[n]!))

async function* benchLedger({ database }: BenchTill): AsyncIterable<Figure> {
  await database.asOwner(sql`
    select plinth.open_ledger_account('', 'account ' || n, 'EUR', 'asset') from generate_series(0, ${accounts}) n`)
  await database.asOwner(sql`
    create table public.bare_lines (account int not null, sequence bigint generated always as identity,
      transaction text not null, amount bigint not null, primary key (account, sequence))`)
  const bare = (n: number): Statement => ({
    name: 'bench_bare_lines',
    text: `with one as (insert into public.bare_lines (account, transaction, amount) values ($1, $3, 5))
      insert into public.bare_lines (account, transaction, amount) values ($2, $3, -5)`,
    values: [n % accounts, (n + 7) % accounts, randomUUID()],
  })
  const post = (first: number, second: number): Statement => ({
    name: 'bench_post_ledger',
    text: `select plinth.post_ledger($3, array[row('', $1, 'EUR', 5)::plinth.ledger_line,
      row('', $2, 'EUR', -5)::plinth.ledger_line])`,
    values: [`account ${first}`, `account ${second}`, randomUUID()],
  })
  const run = (statement: (n: number) => Statement) => () =>
    rate(perRound, atOnce, (n) => database.asOwner(statement(n)))
  const rates = await compare({
    bare: run(bare),
    many: run((n) => post(n % accounts, (n + 7) % accounts)),
    hot: run((n) => post(accounts, n % accounts)),
  })
  const against = 'two bare inserts in one statement'
  yield alone('payments: two bare inserts', median(rates.bare!), '/s', null)
  yield {
    name: 'payments: ledger posting of two lines, 200 accounts',
    value: median(rates.many!),
    unit: '/s',
    ratio: ratio(rates.many!, rates.bare!),
    against,
    goal: 'ratio ≥ 0.4',
  }
  yield {
    name: 'payments: ledger posting, one account in all of them',
    value: median(rates.hot!),
    unit: '/s',
    ratio: ratio(rates.hot!, rates.bare!),
    against,
    goal: null,
  }
}

function captured(): { readonly body: string; readonly headers: Record<string, string> } {
  const id = randomUUID().replaceAll('-', '').slice(0, 14)
  const entity = {
    id: `pay_${id}`,
    entity: 'payment',
    amount: 50_000,
    currency: 'INR',
    status: 'captured',
    order_id: `order_${id}`,
    captured: true,
    amount_refunded: 0,
    fee: 1_180,
    email: 'payer@example.test',
    contact: '+919000090000',
    notes: [],
    created_at: 1_768_478_400,
  }
  const payload = { payment: { entity } }
  const body = JSON.stringify({
    entity: 'event',
    event: 'payment.captured',
    payload,
    created_at: 1_768_478_400,
  })
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex')
  return { body, headers: { 'x-razorpay-signature': signature, 'x-razorpay-event-id': `evt_${id}` } }
}

/** With ten thousand facts that wait already. */
async function* benchWebhooks({ database, url }: BenchTill): AsyncIterable<Figure> {
  await database.asOwner(sql`
    with orders as (
      insert into plinth.payment_orders (tenant, purpose, reference, amount, currency, lines)
      select '', 'backlog', n::text, 100, 'INR', '[]' from generate_series(1, ${backlog}) n returning id
    )
    select plinth.receive_payment_fact('razorpay', 'backlog ' || id, 'backlog ' || id, 'webhook', 'payment.captured', now(),
      '[]', array['order ' || id], id) from orders`)
  const latencies: number[] = []
  const send = async (path: string, timed: boolean) => {
    const { body, headers } = captured()
    const began = performance.now()
    const answer = await fetch(`${url}${path}`, { method: 'POST', body, headers })
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
    if (timed) latencies.push(performance.now() - began)
  }
  const rates = await compare({
    bare: () => rate(perRound, 8, () => send('/functions/v1/bare-insert', false)),
    webhook: () => rate(perRound, 8, () => send('/payments/webhooks/razorpay', true)),
  })
  yield alone('payments: bare insert over HTTP', median(rates.bare!), '/s', null)
  yield {
    name: 'payments: webhook acknowledged, 10,000 waiting',
    value: median(rates.webhook!),
    unit: '/s',
    ratio: ratio(rates.webhook!, rates.bare!),
    against: 'bare insert behind the same HTTP',
    goal: 'ratio ≥ 0.6',
  }
  const sorted = latencies.sort((a, b) => a - b)
  yield alone(
    'payments: webhook acknowledged, p99',
    sorted[Math.floor(sorted.length * 0.99)]!,
    'ms',
    '< 2,000 ms',
  )
}

async function* benchRefold({ database }: BenchTill): AsyncIterable<Figure> {
  await database.asOwner(sql`set statement_timeout = 0`)
  const event = (status: string, at: string) =>
    `jsonb_build_array(jsonb_build_object('object', 'payment', 'provider', 'razorpay', 'id', 'pay_' || o.n, 'at', ${at},
      'status', '${status}', 'amount', 100, 'currency', 'INR', 'captured', case '${status}' when 'captured' then 100 else 0 end))`
  const orders = facts / factsPerOrder
  const chunk = 20_000
  for (let from = 1; from <= orders; from += chunk)
    await database.asOwner({
      text: `with o as (
          insert into plinth.payment_orders (tenant, purpose, reference, amount, currency, lines, status, captured)
          select '', 'refold', n::text, 100, 'INR', '[]', 'paid', 100 from generate_series($1::int, $1::int + ${chunk} - 1) n
          returning id, reference::int as n
        ),
        f as (
          insert into plinth.payment_facts (provider, event_id, business_key, source, kind, occurred_at, events, objects)
          select 'razorpay', 'r' || o.n || '-' || k, 'r' || o.n || '-' || k, 'webhook', 'payment', now(),
            case when k < 3 then ${event('authorized', 'k').replace('authorized', 'authorised')} else ${event('captured', 'k')} end,
            array['pay_' || o.n, o.id::text]
          from o, generate_series(1, ${factsPerOrder}) k
          returning id, objects
        )
        insert into plinth.payment_inbox (fact, target, processed_at) select id, objects[2]::uuid, now() from f`,
      values: [from],
    })
  await database.asOwner(sql`analyze plinth.payment_facts, plinth.payment_inbox, plinth.payment_orders`)
  const began = performance.now()
  const { events, drifted } = await refoldAll(database)
  const seconds = (performance.now() - began) / 1000
  if (drifted.length > 0) throw new Error(`${drifted.length} orders drifted`)
  yield alone(
    `payments: ${events.toLocaleString('en')} facts folded again`,
    events / seconds,
    'facts/s',
    '≥ 20,000 facts/s',
  )
}
