import type { JsonObject } from '../../kernel/index.ts'
import type { StoredContent } from '../bytes/vault.ts'

/** What is recorded of an object's content, under the names that Supabase gives it. */
export interface ObjectMetadata {
  readonly eTag: string
  readonly size: number
  readonly mimetype: string
  readonly cacheControl: string
  readonly lastModified: string
  readonly contentLength: number
  readonly httpStatusCode: number
  readonly contentEncoding?: string
}

/** A row of `storage.objects`. */
export interface ObjectRow {
  readonly id: string
  readonly bucket_id: string
  readonly name: string
  readonly owner_id: string | null
  readonly version: string | null
  readonly metadata: ObjectMetadata | null
  readonly user_metadata: JsonObject | null
  readonly created_at: string
  readonly updated_at: string
}

/** A row of `storage.buckets`, as far as it decides about objects. */
export interface BucketRow {
  readonly id: string
  readonly public: boolean
  readonly file_size_limit: string | null
  readonly allowed_mime_types: readonly string[] | null
}

/** An object with its bytes. */
export interface StoredObject {
  readonly row: ObjectRow
  readonly content: StoredContent
  readonly bucket: Pick<BucketRow, 'id' | 'public'>
}

export interface ObjectPlace {
  readonly bucket: string
  readonly name: string
}
