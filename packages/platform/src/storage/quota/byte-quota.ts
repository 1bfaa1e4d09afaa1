import type { ObjectPlace } from '../objects/object-row.ts'

/** An upload that needs room. */
export interface ByteClaim extends ObjectPlace {
  /** Names the claim: an upload's id. The same key again is the same claim. */
  readonly key: string
  readonly ownerId: string | null
  /** As announced; 0 where nobody knows. */
  readonly bytes: number
  /** When it ends by itself. */
  readonly until: Date
}

/** How much room files may take. */
export interface ByteQuota {
  /** Before a byte is taken. Fails with `quota_exceeded`. */
  reserve(claim: ByteClaim): Promise<void>
  /** The upload's true size is known. Fails with `quota_exceeded` when there is no room for what is more. */
  settle(claim: ByteClaim, bytes: number): Promise<void>
  /** The upload does not take place. */
  release(key: string): Promise<void>
}

/** As much as the disk has. */
export const unlimited: ByteQuota = {
  reserve: async () => undefined,
  settle: async () => undefined,
  release: async () => undefined,
}

/** Longest that an upload in one request holds its room. Milliseconds. */
const longestUpload = 6 * 3_600_000

/** The claim of an upload that comes in one request. */
export const claimFor = (
  key: string,
  { bucket, name, ownerId }: Pick<ByteClaim, 'bucket' | 'name' | 'ownerId'>,
  bytes: number,
  now: Date,
): ByteClaim => ({ key, bucket, name, ownerId, bytes, until: new Date(now.getTime() + longestUpload) })
