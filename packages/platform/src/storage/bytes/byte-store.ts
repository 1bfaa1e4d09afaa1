import type { Readable } from 'node:stream'

/** Where bytes are kept, under names that say nothing of the objects they belong to. A disk and S3 are alike in this. */
export interface ByteStore {
  /**
   * Takes bytes in to their end, durably, without anybody finding them yet. When the source fails, nothing of it stays and
   * its error is thrown.
   */
  stage(source: AsyncIterable<Uint8Array>): Promise<StagedBytes>
  /** The bytes, or those of a range, `end` included. Fails with `bytes_missing`. */
  read(id: string, range?: ByteRange): Promise<Readable>
  /** Size of what is stored under the name; undefined when there is nothing. */
  sizeOf(id: string): Promise<number | undefined>
  /** Succeeds also when there is nothing. */
  remove(id: string): Promise<void>
  /** Everything that is stored, in no order. */
  list(): AsyncIterable<StoredBytes>
  /** Removes what was staged and never published, nor written to since then. Gives how many. */
  removeAbandoned(before: Date): Promise<number>
  /** Bytes that come in pieces, over many requests. */
  readonly partials: PartialStore
}

export interface ByteRange {
  readonly start: number
  /** Last byte, included. */
  readonly end: number
}

export interface StoredBytes {
  readonly id: string
  readonly size: number
  readonly modifiedAt: Date
}

/** Bytes that are stored durably and become findable by one more step. */
export interface StagedBytes {
  /** The name under which they are found once they are published; on a disk that of their content. */
  readonly id: string
  readonly size: number
  /** SHA-256 of the bytes. */
  readonly sha256: Buffer
  /** Makes them findable, durably and all at once. */
  publish(): Promise<void>
  /** Forgets them. Succeeds also when there is nothing. */
  discard(): Promise<void>
}

/** Uploads in pieces. Whoever calls sees to it that one upload is written by one caller at a time. */
export interface PartialStore {
  create(id: string): Promise<void>
  /** Bytes that are there; undefined when there is no such upload. */
  offsetOf(id: string): Promise<number | undefined>
  /**
   * Appends until the source ends or fails; what came before a failure stays. Gives the new number of bytes. Fails with
   * `no_such_upload`.
   */
  append(id: string, source: AsyncIterable<Uint8Array>): Promise<number>
  /** What is there, or the first so many bytes of it. Fails with `no_such_upload`. */
  read(id: string, length?: number): Promise<Readable>
  /** All of it, to be published as one. Fails with `no_such_upload`. */
  finish(id: string): Promise<StagedBytes>
  /** Succeeds also when there is nothing. */
  remove(id: string): Promise<void>
}
