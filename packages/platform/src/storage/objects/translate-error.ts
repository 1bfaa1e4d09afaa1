import { isSqlError, translateSqlError } from '../../database/index.ts'
import { storageErrors } from '../errors.ts'
import type { StorageContext } from '../storage-context.ts'

/** What was attempted, for the refusal. */
export interface Attempt {
  /** `uploading`, for a person. */
  readonly action: string
  readonly table?: 'objects' | 'buckets'
  /** What the policies have to allow: `insert`. */
  readonly operations: string
}

/** Does something as the caller, and says in storage's words what PostgreSQL refused. */
export async function attempt<T>(
  { errors }: Pick<StorageContext, 'errors'>,
  { action, table = 'objects', operations }: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isSqlError(error)) throw error
    if (error.code === '42501')
      throw storageErrors.storage_access_denied({ action, table, operations }, error)
    if (isStorageConstraint(error, 'bucketid_objname')) throw storageErrors.object_exists({}, error)
    if (isStorageConstraint(error, 'buckets_pkey') || isStorageConstraint(error, 'buckets_name_key'))
      throw storageErrors.bucket_exists({}, error)
    if (isStorageConstraint(error, 'objects_bucket_id_fkey')) throw storageErrors.no_such_bucket({}, error)
    throw translateSqlError(error, errors)
  }
}

const isStorageConstraint = (error: Error, name: string): boolean => {
  const { schema, constraint } = error as { schema?: string; constraint?: string }
  return schema === 'storage' && constraint === name
}
