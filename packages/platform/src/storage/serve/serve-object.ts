import type { StoredContent } from '../bytes/vault.ts'
import { safeHeaders } from '../content/safe-headers.ts'
import { storageErrors } from '../errors.ts'
import { findContent } from '../objects/find-object.ts'
import type { ObjectRow } from '../objects/object-row.ts'
import { ownerOf } from '../objects/upload-object.ts'
import type { StorageContext } from '../storage-context.ts'
import { type Audience, cacheControlOf } from './cache-control.ts'
import { decideOutcome, type Outcome, type Representation } from './conditions.ts'
import { sendBytes } from './send-bytes.ts'
import type { StorageCall } from './surface-request.ts'

/** To whom an object is given, and how long they may keep it. */
export interface Serving {
  readonly audience: Audience
  /** Seconds for which a signed URL still holds. */
  readonly mostSeconds?: number
}

/** Answers a GET or HEAD with an object: whole, a range of it, or what its conditions ask for. */
export async function serveObject(
  c: StorageCall,
  storage: StorageContext,
  row: ObjectRow,
  serving: Serving,
): Promise<Response> {
  const content = await findContent(storage, row)
  const found = representationOf(row, content)
  const outcome = decideOutcome(conditionsOf(c), found)
  const headers = headersOf(c, row, found, serving)
  if (outcome.kind !== 'whole' && outcome.kind !== 'part') return answerWithout(outcome, headers, found)
  const [status, length, more] = lengthOf(outcome, content.size)
  const range = outcome.kind === 'part' ? outcome.range : undefined
  return sendBytes(c, {
    status,
    headers: { ...headers, ...more, 'content-length': String(length) },
    body: c.req.method === 'HEAD' ? undefined : await storage.vault.read(content, range),
    onSent: (bytes) => storage.traffic.count(row.bucket_id, ownerOf(c.var.caller), bytes),
  })
}

const representationOf = ({ metadata, updated_at }: ObjectRow, { size }: StoredContent): Representation => ({
  eTag: metadata?.eTag ?? '""',
  lastModified: new Date(metadata?.lastModified ?? updated_at),
  size,
})

export const conditionsOf = (c: StorageCall) => ({
  ifMatch: c.req.header('if-match'),
  ifNoneMatch: c.req.header('if-none-match'),
  ifModifiedSince: c.req.header('if-modified-since'),
  ifUnmodifiedSince: c.req.header('if-unmodified-since'),
  ifRange: c.req.header('if-range'),
  range: c.req.header('range'),
})

function headersOf(
  c: StorageCall,
  { metadata }: ObjectRow,
  { eTag, lastModified }: Representation,
  { audience, mostSeconds }: Serving,
): Record<string, string> {
  return {
    ...safeHeaders(metadata?.mimetype ?? 'application/octet-stream', c.req.query('download')),
    'accept-ranges': 'bytes',
    etag: eTag,
    'last-modified': lastModified.toUTCString(),
    'cache-control': cacheControlOf(metadata?.cacheControl ?? '', audience, mostSeconds),
    ...(metadata?.contentEncoding === undefined ? {} : { 'content-encoding': metadata.contentEncoding }),
  }
}

function lengthOf(
  outcome: Outcome,
  size: number,
): readonly [status: number, length: number, headers: Record<string, string>] {
  if (outcome.kind !== 'part') return [200, size, {}]
  const { start, end } = outcome.range
  return [206, end - start + 1, { 'content-range': `bytes ${start}-${end}/${size}` }]
}

/** The answers that carry no content. */
export function answerWithout(
  outcome: Outcome,
  headers: Readonly<Record<string, string>>,
  { size }: Pick<Representation, 'size'>,
): Response {
  if (outcome.kind === 'outside') throw storageErrors.invalid_range({ size })
  const { etag = '', 'cache-control': cacheControl = '', 'last-modified': lastModified = '' } = headers
  if (outcome.kind === 'failed') return new Response(null, { status: 412, headers: { etag } })
  return new Response(null, {
    status: 304,
    headers: { etag, 'cache-control': cacheControl, 'last-modified': lastModified },
  })
}
