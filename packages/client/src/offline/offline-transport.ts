import type { CopyStart, WatchEvent, WatchOptions } from '../watch/watch.ts'
import type { OfflineTable, Problem, QueuedWrite, Row } from './queued-write.ts'

/** What became of a write that was sent. */
export type SendOutcome =
  /** It was done, now or when it was sent before. The row has its key and version; null after a call. */
  | { readonly type: 'done'; readonly row: Row | null }
  /** The row does not have the version that was asked for; nothing was done. */
  | { readonly type: 'missed' }
  /** The token was refused; nothing was done. */
  | { readonly type: 'unauthorized' }
  /** No answer, or none that says anything: it may have been done. */
  | { readonly type: 'later'; readonly serverFailed: boolean; readonly problem: Problem }
  /** It was refused for good; nothing was done. */
  | { readonly type: 'refused'; readonly problem: Problem }

export interface CopyFeed {
  close(): Promise<void>
}

export interface CopySink {
  event(event: WatchEvent<Row>): void
  reached: NonNullable<WatchOptions<Row>['reached']>
  failed(error: Error): void
}

/** The server as offline mode sees it. */
export interface OfflineTransport {
  /** Sends a write with its id as `Idempotency-Key`, on the condition that the row has its version. */
  send(write: QueuedWrite, of: OfflineTable | undefined, token: string): Promise<SendOutcome>
  /** The row as it is now; null when it is not there. Rejects when it cannot be known. */
  read(table: string, key: string, of: OfflineTable, token: string): Promise<Row | null>
  /** Follows what this user may see of the table. */
  watch(table: string, user: string, start: CopyStart<Row> | undefined, sink: CopySink): CopyFeed
}

/** Who is signed in. */
export interface OfflineIdentity {
  /** Id of the user whose session is on this device, also without a network; null when there is none. */
  user(): Promise<string | null>
  /** A token of this user that is valid now, renewed if need be; null when that is not possible. */
  token(user: string, renew: boolean): Promise<string | null>
  /** Calls back when somebody signs in or out. The result ends it. */
  onChange(changed: () => void): () => void
}
