import { setTimeout as wait } from 'node:timers/promises'
import { importErrors } from './errors.ts'
import { type ImportSession, importTransaction } from './open-session.ts'
import { readSql } from './read-sql.ts'

const planSteps = [
  'plan-documents',
  'match-cancellations',
  'plan-items',
  'plan-batches',
  'plan-stock',
] as const

/** What the staged file holds that the shop does not have yet. */
export interface OrdersPlan {
  readonly orders: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
  readonly orderLines: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
  readonly items: { readonly added: number; readonly alreadyThere: number }
  readonly movements: number
  readonly amount: string
}

/** Compares the staged file with the shop and decides what is to be written, in temporary tables. */
export async function planOrders(session: ImportSession): Promise<OrdersPlan> {
  for (const step of planSteps) await session.query(readSql(step))
  const refused = await session.query(readSql('refuse-unstorable'))
  if (refused.rowCount) {
    for (const step of planSteps.slice(2)) await session.query(readSql(step))
  }
  const { rows } = await session.query<{ plan: OrdersPlan }>(readSql('summarise-plan'))
  return rows[0]!.plan
}

export interface WriteOptions {
  /** Name of the file, for the journal. */
  readonly source: string
  /** Told after each transaction how many lines are stored. */
  onLines(lines: number): void
  readonly signal?: AbortSignal
}

/** New rows of a transaction: an item has its opening movement and its pool. */
const itemsPerTransaction = 3_000

const alertsPerTransaction = 10_000

const writeSteps = [
  'write-orders',
  'write-order-lines',
  'write-order-stock',
  'lock-items',
  'move-stock',
  'post-stock',
] as const

/** Somebody else changed the same stock, items or orders meanwhile: what is left is planned anew. */
const overtaken = new Set(['PT409', '23505', '23503', '23514', '40001', '40P01'])
const attempts = 5

/** Writes what is planned. Fails with `import_inconsistent` when a step's books do not add up; it is undone. */
export async function writeOrders(
  session: ImportSession,
  options: WriteOptions,
): Promise<{ transactions: number }> {
  const done = { transactions: 0, lines: 0 }
  for (let attempt = 1; ; attempt += 1) {
    try {
      await writeItems(session, options, done)
      await writeBatches(session, options, done)
      if (done.transactions > 0) await settleAlerts(session, options, done)
      await check(session, 'check-shop')
      return { transactions: done.transactions }
    } catch (error) {
      if (attempt === attempts || !overtaken.has((error as { code?: string }).code ?? '')) throw error
      await wait(100 * attempt)
      await planOrders(session)
    }
  }
}

interface Done {
  transactions: number
  lines: number
}

async function writeItems(session: ImportSession, options: WriteOptions, done: Done): Promise<void> {
  const { rows } = await session.query<{ code: string; starts: string }>(
    `select code, (select min(at) - interval '1 second' from import_lines)::text as starts
     from import_items where is_new or opening > 0 order by first_line`,
  )
  for (let first = 0; first < rows.length; first += itemsPerTransaction) {
    options.signal?.throwIfAborted()
    const codes = rows.slice(first, first + itemsPerTransaction).map(({ code }) => code)
    await importTransaction(session, `items of ${options.source}`, async () => {
      await session.query(readSql('write-items'), [codes, rows[0]!.starts])
      await session.query(readSql('top-up-items'), [codes])
    })
    done.transactions += 1
  }
  // A shop's first items: without statistics the planner takes these tables for empty, and the batches crawl.
  if (rows.length > 0) await session.query('analyze public.items, plinth.pools')
}

async function writeBatches(session: ImportSession, options: WriteOptions, done: Done): Promise<void> {
  const { rows } = await session.query<{ batch: number; lines: number }>(
    `select batch, sum(lines)::integer as lines from import_documents where batch is not null group by batch order by batch`,
  )
  for (const { batch, lines } of rows) {
    options.signal?.throwIfAborted()
    await importTransaction(session, `orders of ${options.source}`, async () => {
      for (const step of writeSteps) await session.query(readSql(step), [batch])
      await check(session, 'check-batch', [batch])
    })
    done.transactions += 1
    done.lines += lines
    options.onLines(done.lines)
  }
}

async function settleAlerts(session: ImportSession, { source }: WriteOptions, done: Done): Promise<void> {
  let settled = alertsPerTransaction
  while (settled === alertsPerTransaction) {
    const work = async () => {
      const { rows } = await session.query<{ settled: number }>(readSql('settle-alerts'), [
        alertsPerTransaction,
      ])
      return rows[0]!.settled
    }
    settled = await importTransaction(session, `alerts after ${source}`, work, { isLast: true })
    done.transactions += 1
  }
}

async function check(session: ImportSession, name: 'check-batch' | 'check-shop', values: unknown[] = []) {
  const { rows } = await session.query<{ problem: string | null }>(readSql(name), values)
  const problem = rows[0]?.problem
  if (problem) throw importErrors.import_inconsistent({ problem })
}
