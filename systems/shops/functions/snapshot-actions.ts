import { ask, sql } from '@plinth/platform/database'
import { defineAction } from '@plinth/platform/routes'
import { z } from 'zod'
import { shopErrors } from '../errors.ts'
import type { ShopContext } from '../uses.ts'

/** Asks for a snapshot (S-D8). */
export const createBackup = defineAction({
  input: z.object({
    snapshotName: z.string().min(1).max(200),
    description: z.string().max(2_000).optional(),
    shopIds: z.array(z.uuid()).min(1).max(1_000).optional(),
  }),
  output: z.object({ snapshot_id: z.string() }),
  handle: async ({ db }: ShopContext, { snapshotName, description, shopIds }) => ({
    snapshot_id: await ask<string>(
      db,
      sql`select public.create_backup_snapshot(${snapshotName}, ${description ?? null}, ${shopIds ?? null}) as answer`,
    ),
  }),
})

/** Removes what is past its time (S-D9). */
export const cleanupSnapshots = defineAction({
  input: z.object({}),
  output: z.object({ removed: z.number() }),
  handle: async ({ db }: ShopContext) => ({
    removed: await ask<number>(db, sql`select public.cleanup_expired_snapshots() as answer`),
  }),
})

const restored = z.object({
  snapshot_id: z.string(),
  shop_id: z.string(),
  /** True: nothing was changed; this is what a restore would do now. */
  dry_run: z.boolean(),
  taken_at: z.string(),
  tables: z.array(
    z.object({ table: z.string(), added: z.number(), changed: z.number(), removed: z.number() }),
  ),
})

interface HeldShop {
  readonly status: string
  readonly backup: string
}

/** Takes one shop back to a snapshot, previewed unless `dryRun` is false. Its plan, credits and what it paid stay as they are. */
export const restoreSnapshot = defineAction({
  input: z.object({
    snapshotId: z.uuid(),
    shopId: z.uuid(),
    dryRun: z.boolean().default(true),
    tables: z.array(z.string().max(63)).min(1).max(100).optional(),
  }),
  output: restored,
  handle: async ({ backups, asService }: ShopContext, { snapshotId, shopId, dryRun, tables }) => {
    const db = asService('a snapshot is restored')
    const held = await ask<HeldShop | null>(
      db,
      sql`select (select jsonb_build_object('status', r.status, 'backup', s.backup_id)
          from private.snapshot_backups s join public.recovery_snapshots r on r.id = s.snapshot_id
          where s.snapshot_id = ${snapshotId} and s.shop_id = ${shopId}) as answer`,
    )
    if (!held) throw shopErrors.unknown_snapshot()
    if (held.status !== 'completed') throw shopErrors.snapshot_not_ready({ status: held.status })
    const choice = { id: held.backup, ...(tables ? { tables } : {}) }
    const result = dryRun ? await backups.preview(choice) : await backups.restore(choice)
    const changes = result.tables
      .map(({ table, added, changed, removed }) => ({ table, added, changed, removed }))
      .filter(({ added, changed, removed }) => added + changed + removed > 0)
    if (!dryRun)
      await db.query(sql`
        insert into public.backup_logs (shop_id, backup_type, status, details, completed_at)
        values (${shopId}, 'restore', 'completed', ${JSON.stringify({ snapshot: snapshotId, tables: changes })}::jsonb, plinth.now())`)
    return {
      snapshot_id: snapshotId,
      shop_id: shopId,
      dry_run: dryRun,
      taken_at: result.takenAt,
      tables: changes,
    }
  },
})
