import { sql } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { type BackupKind, type BackupRecord, findBackup } from '../catalogue/backup-record.ts'
import { copyToSecond } from '../copies/copy-backup.ts'
import { backupErrors } from '../errors.ts'
import type { Frame } from '../format/frames.ts'
import { type BackupIndex, type Reference, writeManifest } from '../format/manifest.ts'
import { fileOf, partOf } from '../format/names.ts'
import { placeError, writeParts } from '../format/parts.ts'
import type { TableHash } from '../format/row-hash.ts'
import type { Taking } from './full-frames.ts'
import type { JournalState } from './journal-state.ts'

export interface BackupToWrite {
  readonly id: string
  readonly kind: BackupKind
  readonly trigger: 'schedule' | 'manual'
  readonly label: string | null
  readonly takenAt: Date
  readonly sequence: number | null
  /** Null for a full one. */
  readonly base: string | null
  readonly previous: Reference | null
  readonly frames: AsyncIterable<Frame>
  readonly taking: Taking
  readonly state: JournalState
  readonly migrations: readonly string[]
  readonly sequences: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly began: number
}

/**
 * Writes parts, then the manifest that names them, then the record: whatever ends in between leaves bytes that nothing
 * names. Then the second copy, whose failure is not one of the backup.
 */
export async function writeBackup(context: BackupContext, backup: BackupToWrite): Promise<BackupRecord> {
  const { ring, store, system } = context
  const { id, kind, trigger, label, takenAt, sequence, base, previous, taking } = backup
  const { key, wrapped } = ring.newDataKey(id)
  const file = fileOf(taking.tenant, takenAt, id)
  const parts = await writeParts(backup.frames, {
    store,
    backup: id,
    key,
    nameOf: (number) => partOf(file, number),
  })
  const index = indexOf(backup)
  const facts = {
    id,
    system: system.name,
    tenant: taking.tenant,
    kind,
    trigger,
    label,
    takenAt: takenAt.toISOString(),
  }
  const manifest = writeManifest(
    { ...facts, sequence, base, previous, parts, key: wrapped, index },
    key,
    ring,
  )
  await store
    .put(
      file,
      (async function* () {
        yield manifest.bytes
      })(),
    )
    .catch((error: unknown) => {
      throw placeError(error)
    })
  const bytes = parts.reduce((sum, part) => sum + part.bytes, manifest.bytes.length)
  await recordBackup(context, backup, { file, sha256: manifest.sha256, bytes, parts: parts.length, index })
  await copyToSecond(context, { id, file, parts }).catch((error: unknown) => {
    context.log.error(
      { backup: id, problem: messageOf(error) },
      'a backup was not copied to the second place',
    )
  })
  return findBackup(context.database, id)
}

function indexOf({ taking, state, migrations, sequences, secrets }: BackupToWrite): BackupIndex {
  const tables = taking.tables.map((table) => {
    const { rows, sum }: TableHash = taking.hashes.get(table.relation)!.value()
    const columns = table.columns.map(({ name, type }) => ({ name, type }))
    const key = table.key.map(({ name }) => name)
    return [table.relation, { rows, sum, columns, key, personal: table.personal }] as const
  })
  return {
    tables: Object.fromEntries(tables),
    migrations,
    sequences,
    gaps: state.gaps,
    schemaChange: state.schemaChange,
    ...(secrets ? { secrets } : {}),
  }
}

interface Written {
  readonly file: string
  readonly sha256: string
  readonly bytes: number
  readonly parts: number
  readonly index: BackupIndex
}

/** The record and the tenant's head, in one transaction: the next backup begins where this one ended. */
function recordBackup(
  { database, clock }: BackupContext,
  backup: BackupToWrite,
  written: Written,
): Promise<void> {
  const { id, kind, base, previous, takenAt, sequence, taking, began } = backup
  const { file, sha256, bytes, parts, index } = written
  const milliseconds = Math.round(performance.now() - began)
  return database.transactionAsOwner(async ({ query }) => {
    const { rowCount } = await query(sql`
      update plinth.backups set status = 'completed', kind = ${kind}, base = ${base}, previous = ${previous?.id ?? null},
        taken_at = ${takenAt}, completed_at = ${clock.now()}, milliseconds = ${milliseconds}, sequence = ${sequence},
        rows = ${taking.rows}, bytes = ${bytes}, parts = ${parts}, file = ${file}, sha256 = ${sha256}
      where id = ${id} and status = 'running'`)
    // Its session was lost, and somebody took it for interrupted: what comes next does not stand on it.
    if (rowCount === 0) throw backupErrors.backup_busy({ tenant: taking.tenant })
    await query(sql`
      insert into plinth.backup_heads (tenant, last, base, sequence, state, full_at, checked_at)
      values (${taking.tenant}, ${id}, ${base ?? id}, ${sequence}, ${JSON.stringify({ ...index, secrets: undefined })}, ${takenAt}, ${clock.now()})
      on conflict (tenant) do update set last = excluded.last, base = excluded.base, sequence = excluded.sequence,
        state = excluded.state, checked_at = excluded.checked_at,
        full_at = case when ${kind}::text = 'full' then excluded.full_at else backup_heads.full_at end`)
  })
}
