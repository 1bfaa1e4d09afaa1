import { randomUUID } from 'node:crypto'
import type { Server } from '@tus/server'
import { isUpsert } from '../endpoints/upload.ts'
import { storageErrors } from '../errors.ts'
import { admitUpload, grantedCaller, ownerOf } from '../objects/upload-object.ts'
import { describeFailure } from '../render-error.ts'
import { readCacheControl } from '../serve/cache-control.ts'
import { callerOf, readUserMetadata, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'
import type { TusStore } from './tus-store.ts'

/** Below this, uploads are opened by a signature instead of a key. */
export const signedUploads = '/upload/resumable/sign'

interface TusServer {
  readonly server: Server
  readonly store: TusStore
}

type TusMetadata = Record<string, string | null>

/** tus 1.0 (https://tus.io/protocols/resumable-upload) with the metadata that Supabase's clients send. */
export function answerUploads(storage: StorageContext) {
  /** The request that each of the protocol's hooks belongs to. */
  const calls = new WeakMap<object, StorageCall>()
  let opening: Promise<TusServer> | undefined
  return async (c: StorageCall): Promise<Response> => {
    opening ??= openServer(storage, calls)
    const { server, store } = await opening
    calls.set(c.req.raw, c)
    const answer = await server.handleWeb(c.req.raw)
    await sayWhenItEnds(c, store, answer)
    // Who may read the answer is decided for the whole project.
    answer.headers.delete('access-control-allow-origin')
    return answer
  }
}

/** `Upload-Expires`, on the answers that the protocol asks it of. */
async function sayWhenItEnds(c: StorageCall, store: TusStore, answer: Response): Promise<void> {
  if (!answer.ok || !['POST', 'PATCH'].includes(c.req.method)) return
  const id = (answer.headers.get('location') ?? new URL(c.req.url).pathname).split('/').at(-1)!
  const { finishedAt, expiresAt } = await store.row(id)
  if (!finishedAt) answer.headers.set('upload-expires', expiresAt.toUTCString())
}

/** Loaded with the first upload. */
async function openServer(storage: StorageContext, calls: WeakMap<object, StorageCall>): Promise<TusServer> {
  const [{ Server, MemoryLocker }, { TusStore: Store }] = await Promise.all([
    import('@tus/server'),
    import('./tus-store.ts'),
  ])
  const store = new Store(storage)
  const callOf = (request: object) => calls.get(request)!
  const server = new Server({
    path: '/upload/resumable',
    datastore: store,
    locker: new MemoryLocker(),
    exposedHeaders: ['Upload-Expires', 'X-Request-Id'],
    generateUrl: (request, { id }) => `${new URL(request.url).pathname.replace(/\/$/, '')}/${id}`,
    getFileIdFromRequest: (request) => {
      const last = new URL(request.url).pathname.split('/').at(-1) ?? ''
      return last === 'resumable' || last === 'sign' ? undefined : last
    },
    namingFunction: async (request, metadata) => admitNew(callOf(request), storage, store, metadata ?? {}),
    maxSize: async (_request, id) => (id ? limitOf(store, id) : storage.settings.fileSizeLimit),
    onIncomingRequest: async (request, id) => {
      if (request.method !== 'POST') await requireOwner(callOf(request), storage, store, id)
    },
    onResponseError: (request, error) => {
      if (!(error instanceof Error)) return undefined
      const call = callOf(request)
      const failure = describeFailure(error, call.var.requestId)
      const status = Number(failure.statusCode)
      if (status >= 500) call.var.log.error({ err: error }, 'an upload failed')
      return { status_code: status, body: failure.message }
    },
  })
  return { server, store }
}

/** Most bytes of an upload: what was admitted for a new one, and what its row says of one that is there. */
async function limitOf(store: TusStore, id: string): Promise<number> {
  return store.admitted(id)?.limit ?? (await store.row(id)).limit
}

/** Asks the policies, as for any upload, and gives the new upload's id. */
async function admitNew(
  c: StorageCall,
  storage: StorageContext,
  store: TusStore,
  metadata: TusMetadata,
): Promise<string> {
  const { bucketName: bucket, objectName: name } = metadata
  if (!bucket || !name)
    throw storageErrors.invalid_storage_request({
      problem: 'Upload-Metadata needs bucketName and objectName.',
    })
  const grant = await readGrant(c, storage)
  if (grant && grant.url !== `${bucket}/${name}`)
    throw storageErrors.invalid_signature({ problem: 'the token is for another object' })
  const caller = grant ? grantedCaller() : callerOf(c)
  const ownerId = grant ? grant.owner : ownerOf(caller)
  const upsert = grant ? grant.upsert : isUpsert(c)
  const length = Number(c.req.header('upload-length') ?? Number.NaN)
  const announced = Number.isNaN(length) ? undefined : length
  const admitted = await admitUpload(storage, { bucket, name, caller, upsert, ownerId }, announced)
  const now = storage.clock.now()
  const id = randomUUID()
  store.admit({
    id,
    bucket,
    name,
    caller: { role: caller.role, claims: caller.claims, ...(grant ? { isGranted: true } : {}) },
    ownerId,
    upsert,
    isSealed: admitted.isSealed,
    limit: admitted.limit,
    length: announced,
    facts: {
      contentType: metadata.contentType ?? '',
      cacheControl: readCacheControl(metadata.cacheControl),
      userMetadata: readUserMetadata(metadata.metadata ?? undefined),
    },
    tusMetadata: metadata,
    createdAt: now,
    expiresAt: new Date(now.getTime() + storage.settings.uploadHours * 3_600_000),
  })
  return id
}

/** An upload belongs to whoever began it. Nobody else learns that it is there: fails with `no_such_upload`. */
async function requireOwner(
  c: StorageCall,
  storage: StorageContext,
  store: TusStore,
  id: string,
): Promise<void> {
  const upload = await store.row(id)
  const grant = await readGrant(c, storage)
  const { caller } = c.var
  const isTheirs = grant
    ? upload.caller.isGranted === true && grant.url === `${upload.bucket}/${upload.name}`
    : !upload.caller.isGranted &&
      caller.role === upload.caller.role &&
      ownerOf(caller) === ownerOf(upload.caller)
  if (!isTheirs) throw storageErrors.no_such_upload()
}

/** What the signature of a signed upload grants; undefined for an upload in the caller's own name. */
async function readGrant(c: StorageCall, storage: StorageContext) {
  if (!c.var.path.startsWith(signedUploads)) return undefined
  return storage.tokens.verifyUpload(c.req.header('x-signature') ?? '')
}
