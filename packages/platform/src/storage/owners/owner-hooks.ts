import { type Statement, sql, type Transaction } from '../../database/index.ts'
import type { ExportedFile, PersonHooks, TenantHooks } from '../../system/index.ts'
import { findContent } from '../objects/find-object.ts'
import type { ObjectRow } from '../objects/object-row.ts'
import type { StorageContext } from '../storage-context.ts'
import { sweepJob } from '../upkeep/storage-jobs.ts'

/** Files of tenants, where the first folder of a path is the tenant's key. */
export const tenantHooks = (storage: StorageContext): TenantHooks => ({
  afterRewind: (tenant, to) => {
    if (to === null) return undefined
    const [instant, sequence] = typeof to === 'number' ? [null, to] : [to, null]
    return sql`select plinth.rewind_objects(${tenant}, ${instant}, ${sequence})`
  },
  rewound: () => storage.images.clear(),
  export: (tenant) => exportObjects(storage, sql`select plinth.objects_of_tenant(${tenant}) as id`),
  erase: (tenant, transaction) =>
    eraseObjects(
      transaction,
      sql`
      select plinth.erase_objects(array(select plinth.objects_of_tenant(${tenant})))`,
    ),
})

/** Files of persons: what a user owns. */
export const personHooks = (storage: StorageContext): PersonHooks => ({
  export: (person) => exportObjects(storage, sql`select plinth.objects_of_person(${person}) as id`),
  erase: (person, transaction) =>
    eraseObjects(
      transaction,
      sql`
      select plinth.erase_objects(array(select plinth.objects_of_person(${person})))`,
    ),
})

/** The rows go in the transaction of the erasure, their bytes right after it, whatever the retention. */
async function eraseObjects(transaction: Transaction, erase: Statement): Promise<void> {
  await transaction.query(erase)
  await transaction.query(sql`select plinth.add_job(${sweepJob}, '{}'::jsonb, null, 'erased')`)
}

async function* exportObjects(storage: StorageContext, ids: Statement): AsyncIterable<ExportedFile> {
  const { rows } = await storage.database.asOwner<{ id: string }>(ids)
  for (const { id } of rows) {
    const found = await storage.database.asOwner<ObjectRow & Record<string, unknown>>(
      sql`select * from storage.objects where id = ${id}`,
    )
    const row = found.rows[0]
    if (!row || row.version === null) continue
    const content = await storage.vault.read(await findContent(storage, row))
    yield { path: `files/${row.bucket_id}/${safePath(row.name)}`, content: content as AsyncIterable<Buffer> }
  }
}

/** Rows that SQL wrote may have names that no upload could have. */
const safePath = (name: string): string =>
  name
    .split('/')
    .map((part) => (part === '' || part === '.' || part === '..' ? '_' : part.replaceAll('\0', '_')))
    .join('/')
