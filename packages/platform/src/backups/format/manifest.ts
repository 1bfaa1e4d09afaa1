import { createHash } from 'node:crypto'
import { z } from 'zod'
import { seal, unseal } from '../../kernel/index.ts'
import { backupErrors } from '../errors.ts'
import type { KeyRing } from './key-ring.ts'

/** A part as it lies in its place: sealed, compressed, at most 50 MB. */
const part = z.object({
  name: z.string(),
  /** As it lies there. */
  bytes: z.int().nonnegative(),
  /** Compressed, before it was sealed. */
  size: z.int().nonnegative(),
  /** Of the bytes as they lie there; hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const wrapped = z.object({ keyId: z.string(), sealed: z.string() })
const signature = z.object({ keyId: z.string(), publicKey: z.string(), value: z.string() })
const reference = z.object({ id: z.uuid(), sha256: z.string() })

const statement = z.object({
  format: z.literal('plinth-backup/1'),
  id: z.uuid(),
  system: z.string(),
  tenant: z.string(),
  kind: z.enum(['full', 'incremental']),
  trigger: z.enum(['schedule', 'manual']),
  label: z.string().nullable(),
  /** The instant that it holds: everything that was committed by then, and nothing of later. */
  takenAt: z.string(),
  /** The last change of the tenant's journal that it holds; null where nothing is journalled. */
  sequence: z.int().nonnegative().nullable(),
  /** The full one that an incremental one begins from. */
  base: z.uuid().nullable(),
  /** The tenant's backup before this one, with the hash of its manifest: the chain. */
  previous: reference.nullable(),
  parts: z.array(part),
  key: wrapped,
  /** {@link BackupIndex} as JSON, sealed under the backup's own key; base64. */
  index: z.string(),
})

const manifest = statement.extend({ signature })

/** Says what a backup is; lies beside its parts as JSON, readable without a key and signed. */
export type Manifest = z.output<typeof manifest>
export type PartEntry = z.output<typeof part>
export type Reference = z.output<typeof reference>
type ManifestStatement = z.output<typeof statement>

/** What only who has the key may know of a backup. */
export interface BackupIndex {
  /** The state that the backup stands for, its base and what lies between included; by `schema.table`. */
  readonly tables: Readonly<Record<string, IndexedTable>>
  /** What of the system's schema it fits: `set/name` of migrations. */
  readonly migrations: readonly string[]
  /** By name: where sequences of the tables stood. */
  readonly sequences: Readonly<Record<string, string>>
  /** For the next incremental one: how many gaps and which change of the schema were known. */
  readonly gaps: number
  readonly schemaChange: number
  /** Of a whole project: its secret files by name, base64. */
  readonly secrets?: Readonly<Record<string, string>>
}

export interface IndexedTable {
  readonly rows: number
  /** As `TableHash`; without the values of personal columns, which go when a person is erased. */
  readonly sum: string
  /** Columns in the order of the fields, with their types as PostgreSQL names them. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly key: readonly string[]
  readonly personal: readonly string[]
}

export interface ManifestDraft extends Omit<ManifestStatement, 'format' | 'parts' | 'index'> {
  readonly parts: readonly PartEntry[]
  readonly index: BackupIndex
}

const indexContext = (id: string) => `backup index ${id}`

/** The manifest as it is written, and its hash. */
export function writeManifest(
  draft: ManifestDraft,
  dataKey: Buffer,
  ring: KeyRing,
): { readonly bytes: Buffer; readonly sha256: string } {
  const index = seal(dataKey, JSON.stringify(draft.index), indexContext(draft.id)).toString('base64')
  const content: ManifestStatement = { ...draft, format: 'plinth-backup/1', parts: [...draft.parts], index }
  const signed: Manifest = { ...content, signature: ring.sign(signedBytes(content)) }
  const bytes = Buffer.from(`${JSON.stringify(signed, null, 2)}\n`)
  return { bytes, sha256: sha256Of(bytes) }
}

/** Reads a manifest that is what was signed. Fails with `backup_damaged` or `backup_wrong_key`. */
export function readManifest(bytes: Buffer, ring: KeyRing): Manifest {
  const parsed = manifest.safeParse(parseJson(bytes))
  if (!parsed.success)
    throw backupErrors.backup_damaged({ problem: 'its manifest cannot be read' }, parsed.error)
  const { signature: given, ...content } = parsed.data
  if (!ring.verify(signedBytes(content), given))
    throw backupErrors.backup_damaged({ problem: 'its manifest is not what was signed' })
  return parsed.data
}

/** Fails with `backup_damaged` or `backup_wrong_key`. */
export function openIndex(
  { id, key, index }: Manifest,
  ring: KeyRing,
): { index: BackupIndex; dataKey: Buffer } {
  const dataKey = ring.openDataKey(id, key)
  try {
    const plain = unseal(dataKey, Buffer.from(index, 'base64'), indexContext(id))
    return { index: JSON.parse(plain.toString()) as BackupIndex, dataKey }
  } catch (cause) {
    throw backupErrors.backup_damaged({ problem: 'its index cannot be opened' }, cause)
  }
}

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Every name in one order, whoever wrote them. */
export function signedBytes(content: object): Buffer {
  return Buffer.from(JSON.stringify(inOrder(content)))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, inOrder(each)]),
  )
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
