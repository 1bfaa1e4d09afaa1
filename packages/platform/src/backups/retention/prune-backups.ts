import { sql } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { NamedStore } from '../../storage/index.ts'
import type { BackupContext } from '../backup-context.ts'
import type { BackupRecord } from '../catalogue/backup-record.ts'
import { partOf } from '../format/names.ts'
import { placeError } from '../format/parts.ts'
import { chooseKept, type Retention } from './choose-kept.ts'

export interface PrunedBackups {
  /** Those that left, or would leave. */
  readonly removed: readonly string[]
  readonly bytes: number
  /** Parts of backups that were never finished, or of removed ones. */
  readonly leftovers: number
}

/** Hours after which bytes that no backup names were left by one that was not finished. */
const graceHours = 24

/**
 * Removes the backups that the retention does not keep. The record changes first: a backup that is gone in part is never one
 * that is offered. What an interrupted removal leaves is removed by the next one.
 */
export async function pruneBackups(
  context: BackupContext,
  retention: Retention,
  { isDryRun = false } = {},
): Promise<PrunedBackups> {
  const { database, clock } = context
  const { rows } = await database.asOwner<Row>(sql`
    select id, tenant, taken_at, trigger, kind, previous, bytes, parts, file from plinth.backups where status = 'completed'`)
  const removed: Row[] = []
  for (const tenant of new Set(rows.map((row) => row.tenant))) {
    const own = rows.filter((row) => row.tenant === tenant)
    const kept = chooseKept(
      own.map((row) => ({
        id: row.id,
        takenAt: new Date(row.taken_at),
        isManual: row.trigger === 'manual',
        needs: row.kind === 'full' ? null : row.previous,
      })),
      clock.now(),
      retention,
    )
    removed.push(...own.filter(({ id }) => !kept.has(id)))
  }
  if (!isDryRun) for (const row of removed) await removeBackup(context, row)
  const leftovers = isDryRun ? 0 : await removeLeftovers(context)
  return {
    removed: removed.map(({ id }) => id),
    bytes: removed.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    leftovers,
  }
}

interface Row extends Record<string, unknown> {
  readonly id: string
  readonly tenant: string
  readonly taken_at: string
  readonly trigger: BackupRecord['trigger']
  readonly kind: 'full' | 'incremental'
  readonly previous: string | null
  readonly bytes: string
  readonly parts: number
  readonly file: string
}

/** A backup that somebody needs since it was looked at stays: the record of one that stands on it is written beside. */
async function removeBackup(context: BackupContext, { id, file, parts }: Row): Promise<void> {
  const { database, store, second, log } = context
  const { rowCount } = await database.asOwner(sql`
    update plinth.backups b set status = 'removed' where id = ${id} and status = 'completed'
      and not exists (select from plinth.backup_heads h where h.last = b.id or h.base = b.id)
      and not exists (select from plinth.backups c where c.previous = b.id and c.kind = 'incremental' and c.status = 'completed')`)
  if (rowCount === 0) return
  const names = [file, file.replace(/\.json$/, '.receipt.json')]
  for (let part = 1; part <= parts; part += 1) names.push(partOf(file, part))
  for (const place of placesOf(store, second))
    for (const name of names)
      await place.remove(name).catch((error: unknown) => {
        log.warn({ name, problem: messageOf(error) }, 'a file of a removed backup is still there')
      })
}

const placesOf = (store: NamedStore, second: NamedStore | null): NamedStore[] =>
  second ? [store, second] : [store]

async function removeLeftovers({ database, store, second, clock }: BackupContext): Promise<number> {
  const { rows } = await database.asOwner<{ file: string }>(
    sql`select file from plinth.backups where status = 'completed'`,
  )
  const known = new Set(rows.map(({ file }) => file.replace(/\.json$/, '')))
  const before = clock.now().getTime() - graceHours * 3_600_000
  let removed = 0
  for (const place of placesOf(store, second))
    try {
      for await (const { name, modifiedAt } of place.list('')) {
        const stem = name.replace(/\.(json|receipt\.json|part-\d+)$/, '')
        if (!/\/backup-/.test(name) || known.has(stem) || modifiedAt.getTime() >= before) continue
        await place.remove(name)
        removed += 1
      }
    } catch (error) {
      throw placeError(error)
    }
  return removed
}
