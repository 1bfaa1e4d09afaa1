import type { ObjectPlace } from '../objects/object-row.ts'

/** An upload that needs room. */
export interface ByteClaim extends ObjectPlace {
  /** Names the claim: an upload's id. The same key again is the same claim. */
  readonly key: string
  readonly ownerId: string | null
  /** As announced; 0 where nobody knows. */
  readonly bytes: number
  /** How long it holds; then it ends by itself. */
  readonly seconds: number
}

/** Room that an upload has been promised; it becomes used in the transaction that claims the bytes (`plinth.claim_bytes`). */
export interface Reservation {
  readonly key: string
  /** Id of the pool whose room it is. */
  readonly account: string
}

/** How much room files may take. */
export interface ByteQuota {
  /** Before a byte is taken. Null where the file counts for nobody. Fails with `quota_exceeded`. */
  reserve(claim: ByteClaim): Promise<Reservation | null>
  /** The upload does not take place. */
  release(reservation: Reservation): Promise<void>
}

/** As much as the disk has. */
export const unlimited: ByteQuota = { reserve: async () => null, release: async () => undefined }

/** Longest that an upload in one request holds its room. Seconds. */
const longestUpload = 6 * 3_600

/** The claim of an upload that comes in one request. */
export const claimFor = (
  key: string,
  { bucket, name, ownerId }: Pick<ByteClaim, 'bucket' | 'name' | 'ownerId'>,
  bytes: number,
): ByteClaim => ({ key, bucket, name, ownerId, bytes, seconds: longestUpload })
