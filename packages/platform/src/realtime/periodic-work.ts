import { sql } from '../database/index.ts'
import { messageOf } from '../kernel/index.ts'
import type { RealtimeProject } from './channels/realtime-project.ts'
import type { Connections } from './connections/open-connections.ts'
import { carryAnnouncedTables } from './publish-tables.ts'

/** Intervals in milliseconds. */
const every = {
  connections: 250,
  positions: 15_000,
  policies: 1_000,
  tables: 5_000,
  partitions: 6 * 3_600_000,
}

/** Begins what a project's channels do from time to time; the result ends it. */
export function startPeriodicWork(project: RealtimeProject, connections: Connections): () => void {
  const { database, changes, log } = project
  const attempt = (work: () => Promise<unknown>, failure: string) => () => {
    work().catch((error: unknown) => log.warn({ problem: messageOf(error) }, failure))
  }
  const keepPartitions = attempt(
    () => database.asOwner(sql`select realtime.keep_partitions()`),
    'partitions of realtime.messages could not be kept',
  )
  const compareCopies = attempt(changes.compareCopies, 'changed policies could not be looked for')
  /** Who listens to all tables of a schema also gets those that are added while it does. */
  const carryNewTables = attempt(
    async () => changes.followsWholeSchemas() && carryAnnouncedTables(database, log),
    'new tables could not be looked for',
  )

  keepPartitions()
  const timers = [
    setInterval(connections.lookAfter, every.connections),
    setInterval(changes.tellPositions, every.positions),
    setInterval(compareCopies, every.policies),
    setInterval(carryNewTables, every.tables),
    setInterval(keepPartitions, every.partitions),
  ]
  for (const timer of timers) timer.unref()
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}
