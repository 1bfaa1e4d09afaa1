import type { OfflineIdentity, OfflineTransport, SendOutcome } from './offline-transport.ts'
import {
  afterDone,
  nextToSend,
  type OfflineTable,
  type Problem,
  type QueuedWrite,
  type Row,
  type SettledWrite,
} from './queued-write.ts'
import type { Edited, WriteQueue } from './write-queue.ts'

export interface ReplayOptions {
  readonly user: string
  readonly tables: Readonly<Record<string, OfflineTable>>
  readonly queue: WriteQueue
  readonly transport: Pick<OfflineTransport, 'send' | 'read'>
  readonly identity: Pick<OfflineIdentity, 'token'>
  /** Milliseconds since 1970. */
  now(): number
  isStopped(): boolean
  /** What is kept of a write that was done until the copy shows it; null for a call. */
  settle(write: QueuedWrite, version: unknown): SettledWrite | null
  /** Where that is kept. */
  settledKey(settled: SettledWrite): string
  /** The queue was edited; with what was done, if something was, and the writes before. */
  edited(settled: SettledWrite | null, before: readonly QueuedWrite[]): void
}

/** The server recognises a write for 30 days; one that may have been done longer ago is its user's to decide about. */
const longestDoubt = 25 * 86_400_000
/** Answers with a server's failure after which a write no longer keeps the others waiting. */
const mostFailures = 8

/**
 * Sends what waits, one after the other, until nothing does (`idle`) or nothing can be sent now (`later`). Each write ends
 * in one of three ways: it was done, somebody else has changed its row, or it was refused.
 */
export async function replayWrites(options: ReplayOptions): Promise<'idle' | 'later'> {
  const { user, queue, identity, transport, isStopped } = options
  let renew = false
  while (!isStopped()) {
    const write = nextToSend(queue.writes)
    if (!write) return 'idle'
    const token = await identity.token(user, renew)
    if (token === null || isStopped()) return 'later'
    const of = write.kind === 'call' ? undefined : options.tables[write.target]
    if (write.sentAt !== null && options.now() - write.sentAt > longestDoubt) {
      if (await decideOld(write, of, token)) continue
      return 'later'
    }
    const outcome = await outcomeOf(write, of, token)
    if (isStopped()) return 'later'
    if (outcome.type === 'unauthorized') {
      if (renew) return 'later'
      renew = true
      continue
    }
    renew = false
    if (!(await handle(write, of, outcome, token))) return 'later'
  }
  return 'later'

  async function outcomeOf(
    write: QueuedWrite,
    of: OfflineTable | undefined,
    token: string,
  ): Promise<SendOutcome> {
    if (of && write.kind !== 'insert' && write.version == null) return { type: 'missed' }
    // Known on the device before the server can know of it.
    if (write.sentAt === null) await alter(write.id, { sentAt: options.now() })
    return transport.send(write, of, token)
  }

  /** A write that may have been done so long ago that the server no longer says so: the row itself has to tell. */
  async function decideOld(
    write: QueuedWrite,
    of: OfflineTable | undefined,
    token: string,
  ): Promise<boolean> {
    if (!of) {
      await alter(write.id, { state: 'refused', problem: tooOld })
      return true
    }
    const theirs = await readRow(write, of, token)
    if (theirs === undefined) return false
    const isAsBefore = write.kind !== 'insert' && theirs !== null && theirs[of.version] === write.version
    if (isAsBefore) await alter(write.id, { sentAt: options.now() })
    else if (write.kind === 'insert' && theirs) await done(write, theirs[of.version])
    else if (write.kind === 'delete' && !theirs) await done(write, write.version)
    else await alter(write.id, { state: 'conflict', theirs })
    return true
  }

  /** False when it has to be tried again later. */
  async function handle(
    write: QueuedWrite,
    of: OfflineTable | undefined,
    outcome: Exclude<SendOutcome, { type: 'unauthorized' }>,
    token: string,
  ): Promise<boolean> {
    switch (outcome.type) {
      case 'done':
        await done(write, of ? outcome.row?.[of.version] : null)
        return true
      case 'missed':
        if (of) return compare(write, of, token)
        await alter(write.id, { state: 'refused', problem: notAllowed })
        return true
      case 'refused':
        if (of && write.kind === 'insert' && outcome.problem.code === uniqueViolation)
          return compare(write, of, token, outcome.problem)
        await alter(write.id, { state: 'refused', problem: outcome.problem })
        return true
      case 'later': {
        if (!outcome.serverFailed) return false
        const failures = write.failures + 1
        const state = failures >= mostFailures ? 'refused' : 'waiting'
        await alter(write.id, { failures, state, problem: state === 'refused' ? outcome.problem : null })
        return false
      }
    }
  }

  /** Nothing was written: the user is shown both versions, unless the row is as the write wants it. */
  async function compare(
    write: QueuedWrite,
    of: OfflineTable,
    token: string,
    refusal?: Problem,
  ): Promise<boolean> {
    const theirs = await readRow(write, of, token)
    if (theirs === undefined) return false
    const isAsBefore = write.kind !== 'insert' && theirs !== null && theirs[of.version] === write.version
    if (write.kind === 'delete' && theirs === null) await done(write, write.version)
    else if (isAsBefore || (refusal && theirs === null))
      await alter(write.id, { state: 'refused', problem: refusal ?? notAllowed })
    else await alter(write.id, { state: 'conflict', theirs })
    return true
  }

  /** Undefined when it cannot be known now. */
  async function readRow(
    write: QueuedWrite,
    of: OfflineTable,
    token: string,
  ): Promise<Row | null | undefined> {
    return transport.read(write.target, write.key!, of, token).catch(() => undefined)
  }

  async function done(write: QueuedWrite, version: unknown): Promise<void> {
    const settled = options.settle(write, version)
    const edit = (writes: readonly QueuedWrite[]): Edited => ({
      writes: settled
        ? afterDone(writes, write.id, settled, options.tables[write.target]?.version)
        : writes.filter(({ id }) => id !== write.id),
      also: settled ? [[options.settledKey(settled), settled]] : [],
    })
    const before = queue.writes
    await queue.edit(edit)
    options.edited(settled, before)
  }

  async function alter(id: string, change: Partial<QueuedWrite>): Promise<void> {
    const before = queue.writes
    await queue.edit((writes) => ({
      writes: writes.map((write) => (write.id === id ? { ...write, ...change } : write)),
    }))
    options.edited(null, before)
  }
}

/** SQLSTATE of a key that is taken. */
const uniqueViolation = '23505'

const tooOld = {
  code: 'too_old',
  message: 'This was sent too long ago to know whether it was done.',
  status: 0,
}

/** The row is there and has its version, but the write did not reach it. */
const notAllowed = { code: 'not_allowed', message: 'You may not change this row.', status: 403 }
