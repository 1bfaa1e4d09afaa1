import type { ProjectDatabase } from '../../database/index.ts'
import { sql } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'

/** What a bucket takes and gives. Bytes. */
export interface BucketUsage {
  readonly bucket: string
  readonly files: number
  readonly stored: number
  /** Served since the first of the month (UTC). */
  readonly served: number
  readonly requests: number
}

export async function readUsage(database: ProjectDatabase, clock: Clock): Promise<readonly BucketUsage[]> {
  const month = `${clock.now().toISOString().slice(0, 7)}-01`
  const { rows } = await database.asOwner<Record<keyof BucketUsage, string>>(sql`
    select b.id as bucket, coalesce(o.files, 0) as files, coalesce(o.stored, 0) as stored,
      coalesce(t.served, 0) as served, coalesce(t.requests, 0) as requests
    from storage.buckets b
    left join (select bucket_id, count(*) as files, sum((metadata ->> 'size')::bigint) as stored
      from storage.objects group by 1) o on o.bucket_id = b.id
    left join (select bucket_id, sum(bytes) as served, sum(requests) as requests
      from plinth.storage_traffic where day >= ${month}::date group by 1) t on t.bucket_id = b.id
    order by b.id`)
  return rows.map(({ bucket, ...counts }) => ({
    bucket,
    files: Number(counts.files),
    stored: Number(counts.stored),
    served: Number(counts.served),
    requests: Number(counts.requests),
  }))
}
