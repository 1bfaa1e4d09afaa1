import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { formatPosition, parsePosition } from '../position.ts'
import type { DurableConsumer, MissedCommits } from './consumer.ts'
import type { Standings } from './standings.ts'

/** A consumer that does not answer for so long does not follow, milliseconds. */
const answerMilliseconds = 30_000

/**
 * Asks those who follow, and those who are tried again, how far they are. Whoever was set aside is told what it has missed.
 * Who fails stays behind. Call it while the stream is held and before anything is acknowledged.
 */
export async function startConsumers(
  database: ProjectDatabase,
  slot: string,
  standings: Standings,
): Promise<readonly { readonly consumer: DurableConsumer; readonly from: bigint }[]> {
  standings.restore(await readSetAside(database))
  const asked = [...standings.following(), ...standings.retry()]
  const started = await Promise.all(
    asked.map(async (consumer) => {
      const starting = start(database, slot, standings, consumer)
      try {
        const from = await inTime(starting)
        standings.bringBack(consumer)
        return { consumer, from }
      } catch (error) {
        standings.fail(consumer, error, starting.then(nothing, nothing))
        return undefined
      }
    }),
  )
  return started.filter((each) => each !== undefined)
}

const nothing = () => undefined

async function start(
  database: ProjectDatabase,
  slot: string,
  standings: Standings,
  consumer: DurableConsumer,
): Promise<bigint> {
  const position = await consumer.position()
  const from = position === null ? 0n : parsePosition(position)
  if (!standings.isSetAside(consumer)) return from
  const until = await readConfirmed(database, slot)
  await consumer.missed?.({ from: position, until, reason: 'set_aside' })
  await database.asJournal(sql`delete from plinth_journal.set_aside where consumer = ${consumer.name}`)
  return parsePosition(until)
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const timeout = wait(answerMilliseconds, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`no answer in ${answerMilliseconds} ms`)
  })
  timeout.catch(nothing)
  try {
    return await Promise.race([work, timeout])
  } finally {
    timer.abort()
  }
}

/** The position after which everything arrives: a commit record may begin right where the slot has confirmed. */
async function readConfirmed(database: ProjectDatabase, slot: string): Promise<string> {
  const { rows } = await database.asJournal<{ confirmed: string }>(
    sql`select confirmed_flush_lsn::text as confirmed from pg_replication_slots where slot_name = ${slot}`,
  )
  return formatPosition(parsePosition(rows[0]!.confirmed) - 1n)
}

async function readSetAside(database: ProjectDatabase): Promise<string[]> {
  const { rows } = await database.asJournal<{ consumer: string }>(
    sql`select consumer from plinth_journal.set_aside`,
  )
  return rows.map(({ consumer }) => consumer)
}

/** Kept, so that whoever takes the stream next tells them what they have missed. */
export async function recordSetAside(database: ProjectDatabase, consumers: readonly string[]): Promise<void> {
  await database.asJournal(sql`
    insert into plinth_journal.set_aside (consumer) select * from unnest(${consumers}::text[])
    on conflict do nothing`)
}

/** Records a transaction that nobody can read, and tells those who have stored everything before it. */
export async function recordUnreadable(
  database: ProjectDatabase,
  consumers: readonly DurableConsumer[],
  position: string,
): Promise<MissedCommits> {
  const missed: MissedCommits = { from: position, until: position, reason: 'unreadable' }
  await database.asJournal(sql`
    insert into plinth_journal.gaps (from_position, until_position, reason, noticed_at)
    values (${position}::pg_lsn, ${position}::pg_lsn, 'unreadable', clock_timestamp())`)
  for (const consumer of consumers) await consumer.missed?.(missed)
  return missed
}
