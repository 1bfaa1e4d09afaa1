import { hasCode } from '../../kernel/index.ts'
import type { NamedStore } from '../../storage/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { type BackupRecord, readChain } from '../catalogue/backup-record.ts'
import { backupErrors } from '../errors.ts'
import type { Frame } from '../format/frames.ts'
import { type BackupIndex, type Manifest, openIndex, readManifest, sha256Of } from '../format/manifest.ts'
import { readPart, readWhole } from '../format/parts.ts'

/** A backup whose manifest was verified. */
export interface OpenBackup {
  readonly record: Pick<BackupRecord, 'id' | 'file' | 'sha256'>
  readonly manifest: Manifest
  readonly index: BackupIndex
  readonly dataKey: Buffer
}

/** Larger manifests are none: each part takes about 300 bytes. */
const mostManifestBytes = 64 * 1_024 * 1_024

/**
 * A backup and what it stands on, each manifest verified: signed by a key of ours, of this system, and each the successor of
 * the one before. Fails with `backup_unknown`, `backup_not_complete`, `backup_part_missing`, `backup_damaged`,
 * `backup_wrong_key` or `backup_foreign`.
 */
export async function openChain(
  context: BackupContext,
  id: string,
): Promise<readonly [OpenBackup, ...OpenBackup[]]> {
  const records = await readChain(context.database, id)
  const chain: OpenBackup[] = []
  for (const record of records) {
    const opened = await openBackup(context, record)
    const { manifest } = opened
    const before = chain.at(-1)
    if (before) requireSuccessor(manifest, before)
    else if (manifest.kind !== 'full') throw damaged(record.file!, 'it is no full backup')
    chain.push(opened)
  }
  return chain as unknown as readonly [OpenBackup, ...OpenBackup[]]
}

const damaged = (file: string, problem: string) =>
  backupErrors.backup_damaged({ problem: `${file}: ${problem}` })

function requireSuccessor({ previous, base, tenant, id }: Manifest, { record, manifest }: OpenBackup): void {
  const isNext =
    previous?.id === manifest.id && previous.sha256 === record.sha256 && tenant === manifest.tenant
  const expected = manifest.kind === 'full' ? manifest.id : manifest.base
  if (!isNext || base !== expected) throw damaged(id, 'it is not the successor of the one before')
}

async function openBackup(
  context: BackupContext,
  record: Pick<BackupRecord, 'id' | 'file' | 'sha256'>,
): Promise<OpenBackup> {
  const bytes = await readManifestBytes(context, record.file!)
  if (record.sha256 !== null && sha256Of(bytes) !== record.sha256)
    throw damaged(record.file!, 'its manifest is another one')
  const manifest = readManifest(bytes, context.ring)
  if (manifest.id !== record.id) throw damaged(record.file!, 'its manifest is another one')
  const { system } = context
  if (manifest.system !== system.name)
    throw backupErrors.backup_foreign({ found: manifest.system, wanted: system.name })
  return { record, manifest, ...openIndex(manifest, context.ring) }
}

async function readManifestBytes({ store, second }: BackupContext, file: string): Promise<Buffer> {
  const bytes =
    (await readWhole(store, file, mostManifestBytes)) ??
    (second && (await readWhole(second, file, mostManifestBytes)))
  if (!bytes) throw backupErrors.backup_part_missing({ name: file })
  return bytes
}

/** The frames of a backup, each part verified before the first of them is used; a bad part is read from the second place. */
export async function* framesOf(
  { store, second }: Pick<BackupContext, 'store' | 'second'>,
  { manifest, dataKey: key }: OpenBackup,
): AsyncIterable<Frame> {
  for (const [place, entry] of manifest.parts.entries()) {
    const from = await choosePlace(store, second, entry)
    yield* readPart(from, entry, { backup: manifest.id, number: place + 1, key })
  }
}

async function choosePlace(
  store: NamedStore,
  second: NamedStore | null,
  entry: Manifest['parts'][number],
): Promise<NamedStore> {
  if (!second) return store
  try {
    const bytes = await readWhole(store, entry.name, entry.bytes)
    if (bytes && sha256Of(bytes) === entry.sha256) return store
  } catch (error) {
    if (!hasCode(error, 'backup_place_gone')) throw error
  }
  return second
}
