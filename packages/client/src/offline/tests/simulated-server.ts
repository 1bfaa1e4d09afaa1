import type { Random } from '@plinth/testing/random'
import type { CopySink, OfflineTransport, SendOutcome } from '../offline-transport.ts'
import type { QueuedWrite, Row } from '../queued-write.ts'

/** A row of the one table that the simulated server has. */
export interface SimulatedRow extends Row {
  readonly id: string
  readonly n: number
  /** Counts all changes of the server, so a later version of a row is a larger one. */
  readonly version: number
}

/** A server with one table, receipts and a stream of changes; everything it has done is remembered. */
export interface SimulatedServer {
  readonly rows: ReadonlyMap<string, SimulatedRow>
  /** Ids of the writes of clients, each as often as it was done. */
  readonly done: readonly string[]
  /** Keys of rows that were deleted at some time. */
  readonly gone: ReadonlySet<string>
  /** Somebody else writes. */
  write(id: string, change: { readonly n: number } | null): void
  apply(write: QueuedWrite): SendOutcome
  /** Changes after a position; undefined when they are no longer kept. */
  since(position: number): readonly Commit[] | undefined
  readonly position: number
  /** Forgets what came before: who comes back begins with a snapshot. */
  forget(): void
}

interface Commit {
  readonly position: number
  readonly id: string
  readonly row: SimulatedRow | null
}

export function createSimulatedServer(): SimulatedServer {
  const rows = new Map<string, SimulatedRow>()
  const receipts = new Map<string, SendOutcome>()
  const done: string[] = []
  const gone = new Set<string>()
  let commits: Commit[] = []
  let position = 0

  function commit(id: string, row: Omit<SimulatedRow, 'version'> | null): SimulatedRow | null {
    position += 1
    const stored = row && ({ ...row, version: position } as SimulatedRow)
    if (stored) rows.set(id, stored)
    else rows.delete(id)
    if (!stored) gone.add(id)
    commits.push({ position, id, row: stored })
    return stored
  }

  function apply(write: QueuedWrite): SendOutcome {
    const known = receipts.get(write.id)
    if (known) return known
    const row = rows.get(write.key!)
    const { version: _, ...values } = write.values
    if (write.kind === 'insert' && row)
      return { type: 'refused', problem: { code: '23505', message: 'taken', status: 409 } }
    if (write.kind !== 'insert' && row?.version !== write.version) return { type: 'missed' }
    const stored = commit(
      write.key!,
      write.kind === 'delete' ? null : { ...(row as SimulatedRow), ...(values as { id: string; n: number }) },
    )
    done.push(write.id)
    const outcome: SendOutcome = {
      type: 'done',
      row: { id: write.key, version: stored?.version ?? row?.version },
    }
    receipts.set(write.id, outcome)
    return outcome
  }

  return {
    rows,
    done,
    gone,
    apply,
    write: (id, change) => {
      if (change || rows.has(id)) commit(id, change && { id, ...change })
    },
    since: (from) =>
      (commits[0]?.position ?? position + 1) > from + 1
        ? undefined
        : commits.filter((each) => each.position > from),
    get position() {
      return position
    },
    forget: () => {
      commits = []
    },
  }
}

/** The way to the server of one client: slow, and cut now and then before or behind the server. */
export interface SimulatedNetwork {
  readonly transport: OfflineTransport
  isUp: boolean
  /** Tells the client some of what it has not heard of yet. */
  deliver(): void
  /** Everything, once the network is up. */
  deliverAll(): void
  /** The client is gone: nothing that waits ever goes on. */
  kill(): void
}

export function createSimulatedNetwork(server: SimulatedServer, random: Random): SimulatedNetwork {
  const lost: SendOutcome = {
    type: 'later',
    serverFailed: false,
    problem: { code: 'unreachable', message: '', status: 0 },
  }
  let isDead = false
  let feed: { readonly sink: CopySink; position: number | null } | null = null

  /** A few turns, so that other things happen meanwhile; for ever when the client is gone. */
  async function travel(): Promise<void> {
    for (let turns = random(6); turns > 0; turns -= 1) await Promise.resolve()
    if (isDead) await new Promise<never>(() => undefined)
  }

  const network: SimulatedNetwork = {
    isUp: true,
    transport: {
      send: async (write) => {
        await travel()
        if (!network.isUp || random(6) === 0) return lost
        const outcome = server.apply(write)
        await travel()
        return !network.isUp || random(6) === 0 ? lost : outcome
      },
      read: async (_, key) => {
        await travel()
        if (!network.isUp || random(8) === 0) throw new Error('cut')
        const row = server.rows.get(key) ?? null
        await travel()
        return row
      },
      watch: (_table, _user, start, sink) => {
        feed = { sink, position: start ? Number(start.resume) : null }
        return { close: () => Promise.resolve() }
      },
    },
    deliver: () => tell(1 + random(3)),
    deliverAll: () => tell(Number.POSITIVE_INFINITY),
    kill: () => {
      isDead = true
    },
  }

  function tell(most: number): void {
    if (!feed || !network.isUp || isDead) return
    const { sink } = feed
    const commits = feed.position === null ? undefined : server.since(feed.position)
    if (!commits) {
      feed.position = server.position
      sink.event({ type: 'snapshot', rows: [...server.rows.values()] })
      sink.reached({ key: ['id'], resume: String(feed.position) })
      return
    }
    for (const { position, id, row } of commits.slice(0, most)) {
      feed.position = position
      const change = row
        ? { type: 'update' as const, key: id, row }
        : { type: 'remove' as const, key: id, row: { id } }
      sink.event({ type: 'changes', changes: [change] })
      sink.reached({ key: ['id'], resume: String(position) })
    }
  }

  return network
}
