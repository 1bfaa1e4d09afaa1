import { createHash } from 'node:crypto'
import { sql } from '../../database/index.ts'
import type { StorageContext } from '../storage-context.ts'
import { graceHours } from './sweep-bytes.ts'

export interface ReconcileOptions {
  /** Hours for which bytes that no row knows are left alone. Default {@link graceHours}; 0: nobody is uploading now. */
  readonly grace?: number
  /** Reads all bytes and compares their hashes. Default false: names and sizes. */
  readonly deep?: boolean
  /** False: only looks. Default true: removes orphans and notes what is missing. */
  readonly repairs?: boolean
}

/** What was found; both lists are empty when rows and bytes agree. */
export interface Reconciliation {
  /** Bytes in the store. */
  readonly checked: number
  /** Names of bytes that no row knows; removed unless it was only looked. */
  readonly orphans: readonly string[]
  /** Objects, `bucket/path`, whose bytes are not there, or not those that were written. */
  readonly missing: readonly string[]
  /** Uploads that were begun and never finished; removed. */
  readonly abandoned: number
}

/** Compares what the database says of bytes with what the store has, both ways. */
export async function reconcileBytes(
  storage: StorageContext,
  { grace = graceHours, deep = false, repairs = true }: ReconcileOptions = {},
): Promise<Reconciliation> {
  const before = new Date(Date.now() - grace * 3_600_000)
  const abandoned = repairs ? await storage.vault.store.removeAbandoned(before) : 0
  const { checked, orphans } = await findOrphans(storage, before, repairs)
  const missing = await findMissing(storage, deep, repairs)
  return { checked, orphans, missing, abandoned }
}

const batch = 500

async function findOrphans(storage: StorageContext, before: Date, repairs: boolean) {
  const { database, vault } = storage
  const orphans: string[] = []
  let checked = 0
  let waiting: string[] = []
  const look = async () => {
    const { rows } = await database.asOwner<{ id: string }>(sql`
      select id from unnest(${waiting}::text[]) id where not exists (select from plinth.storage_blobs b where b.id = id.id)`)
    waiting = []
    for (const { id } of rows) {
      orphans.push(id)
      if (repairs) await removeUnclaimed(storage, id)
    }
  }
  for await (const { id, modifiedAt } of vault.store.list()) {
    checked += 1
    if (modifiedAt > before) continue
    waiting.push(id)
    if (waiting.length >= batch) await look()
  }
  if (waiting.length > 0) await look()
  return { checked, orphans }
}

/** A row is made for the name and taken back with the bytes: an upload that claims them meanwhile waits for that. */
async function removeUnclaimed({ database, vault }: StorageContext, id: string): Promise<void> {
  await database.transactionAsOwner(async (transaction) => {
    const { rowCount } = await transaction.query(sql`
      insert into plinth.storage_blobs (id, size, sha256) values (${id}, 0, '') on conflict do nothing`)
    if (rowCount === 0) return
    await vault.store.remove(id)
    await transaction.query(sql`delete from plinth.storage_blobs where id = ${id}`)
  })
}

interface Known {
  readonly id: string
  readonly size: string
  readonly is_sealed: boolean
  readonly sha256: Buffer
}

async function findMissing(storage: StorageContext, deep: boolean, repairs: boolean): Promise<string[]> {
  const { database } = storage
  const lost: string[] = []
  let last = ''
  for (;;) {
    const { rows } = await database.asOwner<Known>(sql`
      select id, size, is_sealed, sha256 from plinth.storage_blobs b
      where id > ${last} and exists (select from plinth.storage_versions v where v.blob = b.id) order by id limit ${batch}`)
    for (const known of rows) if (!(await isWhole(storage, known, deep))) lost.push(known.id)
    last = rows.at(-1)?.id ?? last
    if (rows.length < batch) break
  }
  if (repairs)
    await database.asOwner(sql`
      update plinth.storage_blobs set missing_since = case when id = any (${lost}::text[]) then coalesce(missing_since, now()) end
      where id = any (${lost}::text[]) or missing_since is not null`)
  const { rows } = await database.asOwner<{ path: string }>(sql`
    select o.bucket_id || '/' || o.name as path from storage.objects o
    left join plinth.storage_versions v on v.version = o.version
    where v.blob = any (${lost}::text[]) or (o.version is not null and v.version is null) order by 1`)
  return rows.map(({ path }) => path)
}

async function isWhole({ vault }: StorageContext, known: Known, deep: boolean): Promise<boolean> {
  const { id, is_sealed: isSealed, sha256 } = known
  const size = Number(known.size)
  const stored = await vault.store.sizeOf(id)
  if (stored === undefined || (!isSealed && stored !== size)) return false
  if (!deep) return true
  try {
    const hash = createHash('sha256')
    for await (const chunk of await vault.read({ id, size, isSealed })) hash.update(chunk as Buffer)
    return hash.digest().equals(sha256)
  } catch {
    return false
  }
}
