import type { ProjectDatabase } from '../database/index.ts'
import type { OpenCapability } from '../system/index.ts'
import { synchronisePublication } from '../tail/index.ts'

/** Makes the stream carry what the capabilities follow, no more and no less. Safe to repeat and to race. */
export async function publishChanges(
  database: ProjectDatabase,
  opened: readonly OpenCapability[],
  logicalReplication: boolean,
): Promise<void> {
  const parts = await Promise.all(opened.map((capability) => capability.publishes?.()))
  if (!logicalReplication) return
  const wanted = {
    tables: parts.flatMap((part) => part?.tables ?? []),
    also: parts.flatMap((part) => part?.also ?? []),
  }
  await synchronisePublication(database, wanted, async (transaction, tables, added) => {
    for (const part of parts) await part?.extend?.(transaction, tables, added)
  })
}
