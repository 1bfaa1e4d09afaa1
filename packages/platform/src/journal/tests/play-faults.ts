import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Statement, sql } from '@plinth/platform/database'
import { messageOf, silentLog, systemClock } from '@plinth/platform/kernel'
import { type Random, waitFor } from '@plinth/testing'
import type { OwnCluster } from '@plinth/testing/tail'
import pg from 'pg'
import { createTail } from '../../tail/index.ts'
import { createJournal } from '../create-journal.ts'
import type { NodeOptions } from './hold-tail.ts'

/** Two nodes that journal a cluster's database, and what can happen to them and to PostgreSQL. */
export interface FaultyNodes {
  /** Each kind of fault; resolves when it has been survived so far that the next one can come. */
  readonly faults: Readonly<Record<FaultKind, (random: Random) => Promise<void>>>
  /** Resolves when somebody holds the stream. */
  holder(): Promise<number>
  isUp(): Promise<boolean>
  /** Where the nodes keep what they witness; those of one PostgreSQL share it. */
  readonly journalFolder: string
  /** Most bytes of memory that one of the nodes takes. */
  residentBytes(): Promise<number>
  /** Ends the nodes, and stores what they have left in this process. */
  catchUp(): Promise<void>
  kill(): void
}

export type FaultKind = 'walsender' | 'journalConnection' | 'killedNode' | 'frozenNode' | 'postgres'

const silenceMilliseconds = 1_500

/** What a write may fail with while PostgreSQL or its connection is taken away. */
export const isLostConnection = (error: unknown): boolean =>
  /cannot be reached|rolled back|in use|recovery|starting|shutting|terminat|ECONN|connection/i.test(
    messageOf(error),
  )

export async function startFaultyNodes(cluster: OwnCluster, key: Buffer): Promise<FaultyNodes> {
  const { engine, database, folder } = cluster
  const journalFolder = join(folder, 'journal')
  const nodes: ChildProcess[] = [startNode(), startNode()]

  function startNode(): ChildProcess {
    const options: NodeOptions = {
      system: 'sample',
      addresses: database.addresses,
      key: key.toString('hex'),
      folder: journalFolder,
      silenceMilliseconds,
    }
    const program = join(import.meta.dirname, 'hold-tail.ts')
    return spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  async function asAdministrator(statement: Statement): Promise<void> {
    const client = new pg.Client({ connectionString: engine.adminUrl() })
    client.on('error', () => undefined)
    await client.connect()
    await client.query(statement.text, [...(statement.values ?? [])]).finally(() => client.end())
  }
  const quietly = (statement: Statement) => asAdministrator(statement).catch(() => undefined)

  const isUp = () =>
    database.asOwner(sql`select 1`).then(
      () => true,
      () => false,
    )

  async function slotHolder(): Promise<number | undefined> {
    const found = await database
      .asOwner<{ pid: number }>(sql`select active_pid as pid from pg_replication_slots where active`)
      .catch(() => undefined)
    return found?.rows[0]?.pid
  }
  const holder = (what = 'a holder') => waitFor(slotHolder, { timeout: 60_000, what })

  async function residentBytes(): Promise<number> {
    const statuses = await Promise.all(
      nodes.map(({ pid }) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')),
    )
    return Math.max(...statuses.map((status) => Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024))
  }

  await holder('a first holder')
  return {
    faults: {
      walsender: () =>
        quietly(sql`select pg_terminate_backend(active_pid) from pg_replication_slots where active`),
      journalConnection: () =>
        quietly(sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name like 'plinth journal%'`),
      killedNode: async (random) => {
        const index = random(nodes.length)
        nodes[index]!.kill('SIGKILL')
        await once(nodes[index]!, 'exit')
        nodes[index] = startNode()
      },
      frozenNode: async (random) => {
        const node = nodes[random(nodes.length)]!
        const before = await slotHolder()
        node.kill('SIGSTOP')
        // Long enough for the other one to take the stream, when it was the holder that froze.
        await new Promise((resolve) => setTimeout(resolve, silenceMilliseconds * 1.5))
        if (before) await holder('a holder while one node is frozen')
        node.kill('SIGCONT')
      },
      postgres: async () => {
        const lines = (await readFile(join(folder, 'data/postgres/postmaster.pid'), 'utf8')).split('\n')
        process.kill(Number(lines[0]), 'SIGKILL')
        await waitFor(isUp, { timeout: 300_000, what: 'PostgreSQL after a crash' })
      },
    },
    holder: () => holder(),
    isUp,
    journalFolder,
    residentBytes,
    catchUp: async () => {
      for (const node of nodes.splice(0)) node.kill('SIGKILL')
      const journal = createJournal({
        database,
        key,
        folder: journalFolder,
        clock: systemClock,
        log: silentLog,
      })
      const tail = createTail({ database, log: silentLog, durable: [journal], silenceMilliseconds })
      tail.start()
      await waitFor(() => tail.holds(), { timeout: 60_000, what: 'the stream' })
      await tail.settle(180_000)
      await tail.stop()
    },
    kill: () => {
      for (const node of nodes) node.kill('SIGKILL')
    },
  }
}
