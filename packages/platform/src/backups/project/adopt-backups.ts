import { sql } from '../../database/index.ts'
import { AppError, messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { type Manifest, readManifest, sha256Of } from '../format/manifest.ts'
import { readWhole } from '../format/parts.ts'

export interface AdoptedBackups {
  readonly adopted: number
  /** Manifests that are none of this system's, or damaged. */
  readonly refused: readonly { readonly file: string; readonly problem: string }[]
}

interface Found {
  readonly file: string
  readonly sha256: string
  readonly bytes: number
  readonly manifest: Manifest
}

/** Records the backups that lie in their place and that this database does not know: that of another machine. */
export async function adoptBackups(context: BackupContext): Promise<AdoptedBackups> {
  const { store, ring, system } = context
  const found: Found[] = []
  const refused: { file: string; problem: string }[] = []
  for await (const { name } of store.list('')) {
    if (!/\/backup-[^/]+\.json$/.test(name) || name.endsWith('.receipt.json')) continue
    try {
      const bytes = (await readWhole(store, name, 64 * 1_024 * 1_024))!
      const manifest = readManifest(bytes, ring)
      if (manifest.system !== system.name)
        refused.push({ file: name, problem: `it is one of ${manifest.system}` })
      else found.push({ file: name, sha256: sha256Of(bytes), bytes: bytes.length, manifest })
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'backup_place_gone') throw error
      refused.push({ file: name, problem: messageOf(error) })
    }
  }
  found.sort((a, b) => (a.manifest.takenAt < b.manifest.takenAt ? -1 : 1))
  const known = new Set(found.map(({ manifest }) => manifest.id))
  let adopted = 0
  for (const each of found) {
    const { base, previous, kind } = each.manifest
    // What it stands on is gone: nobody restores it.
    if (kind === 'incremental' && !(known.has(base!) && known.has(previous!.id))) continue
    adopted += await record(context, each, known)
  }
  return { adopted, refused }
}

async function record(
  { database, clock }: BackupContext,
  { file, sha256, bytes, manifest }: Found,
  known: ReadonlySet<string>,
): Promise<number> {
  const { id, tenant, kind, trigger, label, base, previous, takenAt, sequence, parts } = manifest
  const size = parts.reduce((sum, part) => sum + part.bytes, bytes)
  const before = previous && known.has(previous.id) ? previous.id : null
  const { rowCount } = await database.asOwner(sql`
    insert into plinth.backups (id, tenant, trigger, status, kind, base, previous, requested_at, taken_at, completed_at, sequence,
      bytes, parts, file, sha256, label)
    values (${id}, ${tenant}, ${trigger}, 'completed', ${kind}, ${base}, ${before}, ${takenAt}, ${takenAt}, ${clock.now()}, ${sequence},
      ${size}, ${parts.length}, ${file}, ${sha256}, ${label})
    on conflict do nothing`)
  return rowCount ?? 0
}
