import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { sql } from '../../database/index.ts'
import { hasCode } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'

/** The journal may be behind by a large import, milliseconds. */
export const settleMilliseconds = 60_000
/** How long transactions that run are waited for, milliseconds. */
const patience = 5_000
/** How far the journal is read back when one goes on: no commit takes so long to become visible. */
const marginHours = 1

/**
 * A number in the tenant's journal up to which everything is visible to a snapshot that is taken from now on. A commit is in
 * the journal a moment before other transactions see it, so the journal's last number is none: transactions that run now are
 * waited for, and where one goes on, it is the number of an hour ago. Null where nobody follows the stream, or where the
 * journal lacks something of that hour: then no incremental backup can begin here.
 */
export async function findMark(
  context: BackupContext,
  client: pg.Client,
  tenant: string,
): Promise<number | null> {
  const { database, tail } = context
  const { rowCount: slots } = await database.asJournal(sql`select from plinth_journal.slot`)
  if (slots === 0) return null
  try {
    await tail.settle(settleMilliseconds)
  } catch (error) {
    if (hasCode(error, 'tail_not_followed')) return null
    throw error
  }
  const { rows } = await database.asJournal<{ sequence: string; running: string[] }>(sql`
    select coalesce((select sequence from plinth_journal.heads where tenant = ${tenant}), 0) as sequence,
      array(select pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot())::text) as running`)
  const { sequence, running } = rows[0]!
  const until = performance.now() + patience
  while (await anyRuns(client, running)) {
    if (performance.now() > until) return findOlder(context, tenant)
    await wait(10)
  }
  return Number(sequence)
}

async function anyRuns(client: pg.Client, transactions: readonly string[]): Promise<boolean> {
  if (transactions.length === 0) return false
  const { rows } = await client.query<{ runs: boolean }>(
    `select exists (select from pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) x
       where x::text = any ($1)) as runs`,
    [transactions],
  )
  return rows[0]!.runs
}

async function findOlder({ database }: BackupContext, tenant: string): Promise<number | null> {
  const since = `clock_timestamp() - make_interval(hours => ${marginHours})`
  const { rows } = await database.asJournal<{ sequence: string; broken: boolean }>({
    text: `select coalesce(
        (select min(sequence) - 1 from plinth_journal.entries where tenant = $1 and committed_at > ${since}),
        (select sequence from plinth_journal.heads where tenant = $1), 0) as sequence,
      exists (select from plinth_journal.gaps where noticed_at > ${since} and reason <> 'beginning') as broken`,
    values: [tenant],
  })
  return rows[0]!.broken ? null : Number(rows[0]!.sequence)
}
