import { sql, type Transaction } from '../../database/index.ts'
import type { PaymentEvent } from '../fold/events.ts'
import { difference, type MovementLine, type Movements } from '../fold/movements.ts'

export interface TargetFacts {
  readonly facts: readonly string[]
  readonly events: readonly PaymentEvent[]
  readonly posted: Movements
  /** A webhook is among them that was not processed before. */
  readonly hasNews: boolean
}

export async function readTargetFacts(
  { query }: Pick<Transaction, 'query'>,
  target: string,
): Promise<TargetFacts> {
  const { rows } = await query<{
    facts: string[]
    events: PaymentEvent[]
    posted: Record<string, MovementLine[]>
    has_news: boolean | null
  }>(sql`
    select coalesce(f.facts, '{}') as facts, coalesce(f.events, '[]') as events, f.has_news,
      (select coalesce(jsonb_object_agg(key, lines), '{}') from plinth.payment_movements where target = ${target}) as posted
    from (
      select array_agg(distinct f.id::text) as facts, jsonb_agg(e.value order by f.id, e.n) as events,
        bool_or(i.processed_at is null and f.source = 'webhook') as has_news
      from plinth.payment_inbox i join plinth.payment_facts f on f.id = i.fact
      left join lateral jsonb_array_elements(f.events) with ordinality e (value, n) on true
      where i.target = ${target}
    ) f`)
  const { facts, events, posted, has_news } = rows[0]!
  return { facts, events: events.filter((event) => event !== null), posted, hasNews: has_news === true }
}

/** Posts what the ledger lacks, or has too much of. */
export async function postMovements(
  { query }: Transaction,
  { id, tenant, purpose, reference }: Readonly<Record<'id' | 'tenant' | 'purpose' | 'reference', string>>,
  wanted: Movements,
  posted: Movements,
): Promise<void> {
  const moves = [...new Set([...Object.keys(wanted), ...Object.keys(posted)])]
    .sort()
    .map((key) => ({
      key,
      lines: wanted[key] ?? [],
      post: difference(wanted[key] ?? [], posted[key] ?? []),
    }))
    .filter(({ post }) => post.length > 0)
  if (moves.length === 0) return
  await query(sql`
    select plinth.post_payment_movements(${tenant}, ${id}, ${JSON.stringify(moves)},
      ${JSON.stringify({ target: id, purpose, reference })})`)
}

/** Writes effects down and gives those that were not done before, in their order. */
export async function recordKeys(
  { query }: Transaction,
  target: string,
  keys: readonly string[],
): Promise<readonly string[]> {
  if (keys.length === 0) return []
  const { rows } = await query<{ key: string }>(
    sql`select key from plinth.record_payment_effects(${target}, ${keys}) key`,
  )
  const fresh = new Set(rows.map(({ key }) => key))
  return keys.filter((key) => fresh.has(key))
}

export async function markProcessed({ query }: Transaction, facts: readonly string[]): Promise<void> {
  await query(sql`
    update plinth.payment_inbox set processed_at = plinth.now()
    where fact = any (${facts}::bigint[]) and processed_at is null`)
}
