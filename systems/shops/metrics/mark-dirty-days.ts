import { type Statement, sql } from '@plinth/platform/database'
import type { SystemProject } from '@plinth/platform/system'
import type { DurableConsumer, RowChange, RowImage, TransactionChunk } from '@plinth/platform/tail'

/** An instant whose local day is dirty, and what made it so. */
interface Mark {
  readonly shop_id: string
  readonly at: string
  readonly cause: object | null
}

/** Metrics that a shop's users look at are this old at the most, seconds, beside what deriving takes. */
const patience = 5

/**
 * Marks the days that committed changes touch, and asks for their metrics to be derived anew. What it has marked is stored
 * together with the position, so no change is ever overlooked; after a gap in the stream, all days are marked.
 */
export function createDirtyDaysConsumer({ database, jobs, clock, log }: SystemProject): DurableConsumer {
  return {
    name: 'shop-metrics',
    position: async () => {
      const { rows } = await database.asOwner<{ position: string }>(
        sql`select position from private.metrics_position`,
      )
      return rows[0]?.position ?? null
    },
    handle: async (batch) => {
      let isMarked = false
      await database.transactionAsOwner(async ({ query }) => {
        for await (const chunks of batch) {
          const statements = statementsOf(chunks)
          for (const statement of statements) await query(statement)
          isMarked ||= statements.length > 0
        }
        await query(storePosition(batch.position))
      })
      if (!isMarked) return
      // Asking again within the interval asks for the same run. A run that could not be asked for comes with the next minute.
      const next = Math.ceil(clock.now().getTime() / 1000 / patience + 1) * patience * 1000
      await jobs
        .add('refresh-metrics', {}, { key: 'refresh-metrics', runAt: new Date(next) })
        .catch((error: unknown) => log.warn({ error }, 'metrics are refreshed with the next minute'))
    },
    missed: async ({ until }) => {
      await database.transactionAsOwner(async ({ query }) => {
        await query(sql`select private.mark_all_days()`)
        await query(storePosition(until))
      })
    },
  }
}

const storePosition = (position: string): Statement => sql`
  insert into private.metrics_position (position) values (${position})
  on conflict (only_row) do update set position = excluded.position`

/** What is to be marked, in as few statements as there are kinds of changes. */
function statementsOf(chunks: readonly TransactionChunk[]): Statement[] {
  const marks = new Map<string, Mark>()
  const rezoned = new Set<string>()
  const recosted = new Map<string, Set<string>>()
  const revalued = new Set<string>()
  const mark = (image: RowImage | null, column: string, cause: object | null) => {
    const [shop, at] = [image?.shop_id, image?.[column]]
    if (!shop || !at) return
    const minute = toMinute(at)
    marks.set(`${shop} ${minute} ${JSON.stringify(cause)}`, { shop_id: shop, at: minute, cause })
  }
  const handlers: Readonly<Record<string, (change: RowChange) => void>> = {
    form_submissions: ({ before, after }) => {
      if (!differs(before, after, orderColumns)) return
      const order = after?.submission_id ?? before?.submission_id
      const cause = { order, from: before?.status ?? null, to: after?.status ?? null }
      if (after?.id && before?.status !== after.status) revalued.add(after.id)
      for (const image of [before, after]) {
        for (const column of ['submitted_at', 'returned_at']) mark(image, column, cause)
      }
    },
    order_returns: ({ after }) => mark(after, 'returned_at', { cause: 'lines returned' }),
    // The closing stock of a day is part of its sell-through.
    stock_history: ({ after }) => mark(after, 'timestamp', null),
    shops: ({ before, after }) => {
      if (before && after?.id && differs(before, after, ['timezone', 'currency'])) rezoned.add(after.id)
    },
    items: ({ before, after }) => {
      if (!before || !after?.id || !after.shop_id || !differs(before, after, ['original_price'])) return
      const items = recosted.get(after.shop_id) ?? new Set()
      recosted.set(after.shop_id, items.add(after.id))
    },
  }
  let everything = false
  for (const { changes, truncated } of chunks) {
    for (const change of changes) {
      const { schema, table } = change.relation
      if (schema === 'public' && Object.hasOwn(handlers, table)) handlers[table]!(change)
    }
    everything ||= truncated.some(
      ({ schema, table }) => schema === 'public' && Object.hasOwn(handlers, table),
    )
  }
  return [
    ...(marks.size > 0 ? [sql`select private.mark_days(${JSON.stringify([...marks.values()])}::jsonb)`] : []),
    ...(revalued.size > 0 ? [sql`select private.mark_return_days(${[...revalued]})`] : []),
    ...[...rezoned].map((shop) => sql`select private.mark_all_days(${shop}, 'zone or currency changed')`),
    ...[...recosted].map(([shop, items]) => sql`select private.mark_cost_days(${shop}, ${[...items]})`),
    ...(everything ? [sql`select private.mark_all_days()`] : []),
  ]
}

/** What metrics are made of; a change of anything else of an order leaves its days alone. */
const orderColumns = ['status', 'ordered_products', 'discount', 'submitted_at', 'returned_at']

const differs = (before: RowImage | null, after: RowImage | null, columns: readonly string[]) =>
  !before || !after || columns.some((column) => before[column] !== after[column])

/** `2026-01-15 12:34:56.7+00` as `2026-01-15 12:34+00`: no zone’s day has begun within a minute since 1972. */
const toMinute = (at: string) => at.replace(/:\d\d(?:\.\d+)?(?=[+-])/, '')
