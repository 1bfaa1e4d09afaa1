import { type Caller, sql } from '../../database/index.ts'
import { hasCode } from '../../kernel/index.ts'
import { decideType, headBytes } from '../content/decide-type.ts'
import { findBucket } from '../objects/find-object.ts'
import { attachVersion, type ContentFacts, grantedCaller } from '../objects/upload-object.ts'
import type { StorageContext } from '../storage-context.ts'
import { markFinished, recordContent, type UploadRow } from './upload-rows.ts'

/**
 * Makes an object of an upload that has all its bytes, in the name of whoever began it. It may be repeated after a crash at
 * any point: bytes that were claimed are not asked for again, and a row that is there is not written twice.
 */
export async function finishUpload(storage: StorageContext, upload: UploadRow): Promise<void> {
  if (upload.finishedAt) return
  const complete = await completeContent(storage, upload)
  await writeRow(storage, upload, complete)
  await markFinished(storage.database, upload.id, storage.clock.now())
}

interface Complete {
  readonly version: string
  readonly size: number
  readonly sha256: Buffer
  readonly facts: ContentFacts
}

async function completeContent(storage: StorageContext, upload: UploadRow): Promise<Complete> {
  const { content, version, facts } = upload
  const { partials } = storage.vault.store
  // The bytes have been moved to their place when they are no longer among those in pieces.
  if (content && version && (await partials.offsetOf(upload.id)) === undefined)
    return {
      version,
      size: content.size,
      sha256: Buffer.from(content.sha256, 'hex'),
      facts: { ...facts, contentType: content.contentType },
    }
  const contentType = await typeOf(storage, upload)
  const staged = await storage.vault.stagePartial(upload.id, upload.isSealed)
  const { size, sha256 } = staged
  const claimed = await recordContent(storage.database, upload, staged, {
    size,
    sha256: sha256.toString('hex'),
    contentType,
  })
  await staged.publish()
  return { version: claimed, size, sha256, facts: { ...facts, contentType } }
}

async function typeOf(storage: StorageContext, upload: UploadRow): Promise<string> {
  const { allowed_mime_types: allowed } = await findBucket(storage, upload.bucket)
  const head: Buffer[] = []
  for await (const chunk of await storage.vault.store.partials.read(upload.id, headBytes))
    head.push(chunk as Buffer)
  return decideType(Buffer.concat(head), upload.facts.contentType, allowed)
}

async function writeRow(storage: StorageContext, upload: UploadRow, complete: Complete): Promise<void> {
  try {
    await attachVersion(storage, { ...upload, caller: callerOf(upload) }, complete.facts, complete)
  } catch (error) {
    if (hasCode(error, 'object_exists') && (await isAttached(storage, complete.version))) return
    throw error
  }
}

const callerOf = ({ caller }: Pick<UploadRow, 'caller'>): Caller =>
  caller.isGranted ? grantedCaller() : { role: caller.role, claims: caller.claims }

async function isAttached({ database }: StorageContext, version: string): Promise<boolean> {
  const { rowCount } = await database.asOwner(sql`select from storage.objects where version = ${version}`)
  return rowCount === 1
}
