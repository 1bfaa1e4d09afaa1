import { eyemotion } from '@plinth/eyemotion'
import { sql } from '@plinth/platform/database'
import { alone, type Figure, median } from '../figure.ts'
import { openBenchProject } from '../notifications/open-bench-project.ts'

const callers = 8
const calls = 200
const rounds = 9
const warmRounds = 2
const transactions = 1_000_000
const now = new Date()

/** Burns on one hot account beside a bare UPDATE, and what an admin sees first at a million payments. */
export async function* benchEyemotion(): AsyncIterable<Figure> {
  const { database, person, close } = await openBenchProject(eyemotion, callers)
  try {
    await database.asOwner(sql`select private.grant_credits(${person}, 'bench', 1000000000)`)
    await database.asOwner(
      sql`create table public.bare (id int primary key, units bigint not null check (units >= 0)) with (fillfactor = 50)`,
    )
    await database.asOwner(sql`insert into public.bare values (1, 1000000000)`)
    const rates = { bare: [] as number[], burn: [] as number[] }
    const burn = (n: string) =>
      sql`select private.burn_credits(${person}, ${n}, 1, 'bench', null, null, '{}', ${now})`
    const bare = sql`update public.bare set units = units - 1 where id = 1 and units >= 1`
    for (let round = -warmRounds; round < rounds; round += 1) {
      for (const kind of ['bare', 'burn'] as const) {
        const began = performance.now()
        let next = 0
        // Each connection takes the next call: who waits longer than 5 s for one would be refused.
        await Promise.all(
          Array.from({ length: callers }, async () => {
            for (let n = next++; n < calls; n = next++)
              await database.asOwner(kind === 'bare' ? bare : burn(`${round} ${n}`))
          }),
        )
        if (round >= 0) rates[kind].push((calls / (performance.now() - began)) * 1_000)
      }
    }
    yield alone('eyemotion: bare UPDATE of one hot row', median(rates.bare), 'calls/s', null)
    yield {
      name: 'eyemotion: a burn of credits, one hot account',
      value: median(rates.burn),
      unit: 'calls/s',
      ratio: median(rates.burn.map((rate, round) => rate / rates.bare[round]!)),
      against: 'bare UPDATE of one row',
      goal: 'ratio ≥ 0.4',
    }
    await database.asOwner(sql`
      insert into public.payment_transactions (user_id, source, amount, status, transaction_type, created_at)
      select ${person}, 'bench ' || n, 10000, 'completed', 'credit_purchase', now() - n * interval '20 seconds' from generate_series(1, ${transactions}::int) n`)
    await database.asOwner(sql`analyze public.payment_transactions`)
    const times: number[] = []
    for (let round = 0; round < 50; round += 1) {
      const began = performance.now()
      await database.asOwner(sql`select private.dashboard(${now})`)
      times.push(performance.now() - began)
    }
    yield alone('eyemotion: admin dashboard at 1,000,000 payments', median(times), 'ms', '< 30 ms')
  } finally {
    await close()
  }
}
