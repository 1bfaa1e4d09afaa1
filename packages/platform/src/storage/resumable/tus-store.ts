import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { DataStore, Upload } from '@tus/server'
import { LRUCache } from 'lru-cache'
import { storageErrors } from '../errors.ts'
import type { ByteClaim } from '../quota/byte-quota.ts'
import type { StorageContext } from '../storage-context.ts'
import { expireUploads } from './expire-uploads.ts'
import { finishUpload } from './finish-upload.ts'
import { removeUpload } from './remove-upload.ts'
import {
  declareLength,
  giveLeaseBack,
  insertUpload,
  leaseInterval,
  type NewUpload,
  readUpload,
  takeLease,
  type UploadRow,
} from './upload-rows.ts'

/** What @tus/server keeps its uploads in: rows for what they are, the store of bytes for what has come of them. */
export class TusStore extends DataStore {
  readonly #storage: StorageContext
  /** What was admitted when the upload was named, until it is made. */
  readonly #admitted = new LRUCache<string, NewUpload>({ max: 1_000 })

  constructor(storage: StorageContext) {
    super()
    this.#storage = storage
    this.extensions = [
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'termination',
      'expiration',
    ]
  }

  /** Notes an upload that {@link create} will make. */
  admit(upload: NewUpload): void {
    this.#admitted.set(upload.id, upload)
  }

  admitted(id: string): NewUpload | undefined {
    return this.#admitted.get(id)
  }

  /** Fails with `no_such_upload`. */
  async row(id: string): Promise<UploadRow> {
    const upload = await readUpload(this.#storage.database, id)
    const isOver = upload && !upload.finishedAt && upload.expiresAt <= this.#storage.clock.now()
    if (!upload || isOver) throw storageErrors.no_such_upload()
    return upload
  }

  override async create(file: Upload): Promise<Upload> {
    const { database, vault } = this.#storage
    const admitted = this.#admitted.get(file.id)!
    this.#admitted.delete(file.id)
    const room = await this.#storage.quota.reserve(this.#claimOf(admitted))
    await insertUpload(database, { ...admitted, length: file.size }, room?.account ?? null)
    await vault.store.partials.create(file.id)
    if (file.size === 0) await finishUpload(this.#storage, await this.row(file.id))
    file.creation_date = admitted.createdAt.toISOString()
    return file
  }

  /** The upload that has all its bytes becomes an object before the last request is answered. */
  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { vault, database } = this.#storage
    return this.#asOnlyWriter(id, async () => {
      if ((await vault.store.partials.offsetOf(id)) !== offset) throw storageErrors.upload_locked()
      const reached = await vault.store.partials.append(id, stream)
      const upload = await readUpload(database, id)
      if (upload && reached === upload.length) await finishUpload(this.#storage, upload)
      return reached
    })
  }

  override async getUpload(id: string): Promise<Upload> {
    const upload = await this.row(id)
    const offset = await this.#offsetOf(upload)
    // Its last request was cut off: whoever asks would take it for done.
    if (offset === upload.length && !upload.finishedAt)
      await this.#asOnlyWriter(id, async () => finishUpload(this.#storage, await this.row(id)))
    return new Upload({
      id,
      offset,
      metadata: { ...upload.tusMetadata },
      creation_date: upload.createdAt.toISOString(),
      ...(upload.length === undefined ? {} : { size: upload.length }),
    })
  }

  async #offsetOf({ id, finishedAt, version, length }: UploadRow): Promise<number> {
    if (finishedAt && length !== undefined) return length
    const offset = await this.#storage.vault.store.partials.offsetOf(id)
    if (offset !== undefined) return offset
    if (version && length !== undefined) return length
    throw storageErrors.no_such_upload()
  }

  override declareUploadLength(id: string, length: number): Promise<void> {
    return declareLength(this.#storage.database, id, length)
  }

  /** The room of an upload in pieces is its own for as long as it may take. */
  #claimOf({ id, bucket, name, ownerId, length = 0 }: NewUpload): ByteClaim {
    const seconds = this.#storage.settings.uploadHours * 3_600
    return { key: id, bucket, name, ownerId, bytes: length, seconds }
  }

  override remove(id: string): Promise<void> {
    return removeUpload(this.#storage, id)
  }

  /** An upload whose time is over is not found; @tus/server would go by another clock. */
  override getExpiration(): number {
    return 0
  }

  override deleteExpired(): Promise<number> {
    return expireUploads(this.#storage)
  }

  /** @tus/server locks within this process; the lease counts for all nodes. Fails with `upload_locked`. */
  async #asOnlyWriter<T>(id: string, work: () => Promise<T>): Promise<T> {
    const { database } = this.#storage
    const writer = randomUUID()
    if (!(await takeLease(database, id, writer))) throw storageErrors.upload_locked()
    const timer = setInterval(
      () => void takeLease(database, id, writer).catch(() => undefined),
      leaseInterval,
    )
    timer.unref()
    try {
      return await work()
    } finally {
      clearInterval(timer)
      await giveLeaseBack(database, id, writer)
    }
  }
}
