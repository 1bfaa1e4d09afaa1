import { hash } from 'node:crypto'
import type { RawTuple, StreamedChange, StreamedTransaction } from '../tail/index.ts'
import {
  beginField,
  type CopyBuffer,
  createCopyBuffer,
  endField,
  putByte,
  putBytes,
  putField,
  putHash,
  putInt32,
  putInt64,
  putJsonText,
  putRange,
} from './copy-buffer.ts'
import type { TablePlan } from './journal-tables.ts'
import {
  createSpans,
  isNull,
  isUnchanged,
  notSent,
  readSpans,
  spanText,
  type TupleSpans,
} from './tuple-spans.ts'

/** The last entry of a chain. */
export interface ChainHead {
  sequence: number
  /** Hexadecimal: Node gives it in half the time that it takes to make a buffer. */
  hash: string
}

/** What a chain begins with. */
export const noHash = '00'.repeat(32)

/** Seals what belongs to `subject`: JSON of a block, undefined when that has to be done before the next pass. */
export type SealBlock = (subject: string, relation: string, content: Buffer) => Buffer | undefined

/** What a batch of entries is written with. */
export interface EntryContext {
  readonly out: CopyBuffer
  /** The head of a tenant's chain; it is moved on with every entry. */
  headOf(tenant: string): ChainHead
  readonly seal: SealBlock
}

const columns = 13
/** An entry of an index takes 2,704 bytes at the most (PostgreSQL's documentation 11.2). */
const mostTenantBytes = 2_000
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const nullJson = Buffer.from('null')
/** As in `SealedImage`. */
const sealedPlace = Buffer.from('0')
const blockLabel = Buffer.from(',"":')
const operations = {
  insert: Buffer.from('insert'),
  update: Buffer.from('update'),
  delete: Buffer.from('delete'),
}

const before = createSpans()
const after = createSpans()

/** The fields that all entries of a transaction share, as they are sent: day, position, committed_at, actor. */
export function encodeTransactionFields(transaction: StreamedTransaction, day: number): Buffer {
  const fields = Buffer.alloc(32)
  fields.writeInt32BE(4, 0)
  fields.writeInt32BE(day, 4)
  fields.writeInt32BE(8, 8)
  fields.writeBigUInt64BE(transaction.commit, 12)
  fields.writeInt32BE(8, 20)
  fields.writeBigInt64BE(transaction.committedMicroseconds, 24)
  const actor = transaction.actorJson
  const length = Buffer.alloc(4)
  length.writeInt32BE(actor?.length ?? -1)
  return Buffer.concat([fields, length, actor ?? Buffer.alloc(0)])
}

/**
 * Appends the entries of a change: one, or two where the row's key or tenant changes, since it leaves one place and
 * comes to another. Left out is an entry whose tenant's name does not fit into an index.
 */
export function encodeChange(
  change: StreamedChange,
  plan: TablePlan,
  transactionFields: Buffer,
  context: EntryContext,
): { readonly stored: number; readonly leftOut: number } {
  const made = { stored: 0, leftOut: 0 }
  if (change.rawBefore) readRow(change, change.rawBefore, before)
  if (change.rawAfter) readRow(change, change.rawAfter, after)
  const write = (entry: Entry) => {
    const isStored = encodeEntry(entry, plan, transactionFields, context)
    made[isStored ? 'stored' : 'leftOut'] += 1
  }
  if (change.operation === 'insert') write({ operation: 'insert', place: after, before: null, after })
  else if (change.operation === 'delete') write({ operation: 'delete', place: before, before, after: null })
  else if (!change.rawBefore) write({ operation: 'update', place: after, before: null, after })
  else if (staysInPlace(plan)) write({ operation: 'update', place: before, before, after })
  else {
    const moves = plan.tenant >= 0 && !isUnchanged(before, after, plan.tenant)
    write({
      operation: 'delete',
      place: before,
      before,
      after: null,
      ...(moves ? { otherTenant: after } : {}),
    })
    write({
      operation: 'insert',
      place: after,
      before: null,
      after,
      unsent: before,
      ...(moves ? { otherTenant: before } : {}),
    })
  }
  return made
}

/** Values outside a key-only image are sent as nulls; they are unknown. */
function readRow({ relation }: StreamedChange, tuple: RawTuple, spans: TupleSpans): void {
  readSpans(tuple, spans)
  if (!tuple.keyOnly) return
  relation.columns.forEach((column, index) => {
    if (!column.isKey) spans.starts[index] = notSent
  })
}

function staysInPlace(plan: TablePlan): boolean {
  if (plan.tenant >= 0 && !isUnchanged(before, after, plan.tenant)) return false
  return plan.key.every((column) => isUnchanged(before, after, column))
}

interface Entry {
  readonly operation: keyof typeof operations
  /** The image that says which row and whose it is. */
  readonly place: TupleSpans
  readonly before: TupleSpans | null
  readonly after: TupleSpans | null
  /** Where values are that `after` does not repeat. */
  readonly unsent?: TupleSpans
  /** The row where it belongs to another tenant: before it came, or after it went. Only that tenant is told. */
  readonly otherTenant?: TupleSpans
}

/** False, with nothing written, when the tenant's name does not fit. */
function encodeEntry(
  entry: Entry,
  plan: TablePlan,
  transactionFields: Buffer,
  context: EntryContext,
): boolean {
  const { out } = context
  const { place } = entry
  const blocks = plan.hasSealed ? sealEntry(entry, plan, context.seal) : noBlocks
  const tenantStart = plan.tenant < 0 ? isNull : place.starts[plan.tenant]!
  if (tenantStart >= 0 && place.ends[plan.tenant]! - tenantStart > mostTenantBytes) return false
  const head = context.headOf(tenantStart < 0 ? '' : spanText(place, plan.tenant)!)
  head.sequence += 1

  putByte(out, 0)
  putByte(out, columns)
  const start = out.length
  if (tenantStart < 0) putInt32(out, 0)
  else putRange(out, place.message, tenantStart, place.ends[plan.tenant]!)
  putInt32(out, 8)
  putInt64(out, head.sequence)
  putBytes(out, transactionFields)
  putField(out, plan.relationBytes)
  encodeKey(out, place, plan)
  putField(out, operations[entry.operation])
  if (entry.before) encodeImage(out, entry.before, plan, { block: blocks.before })
  else encodeOtherTenant(out, entry, plan)
  if (!entry.after) encodeOtherTenant(out, entry, plan)
  else encodeImage(out, entry.after, plan, { ...referencesOf(entry), block: blocks.after })
  putHash(out, head.hash)
  head.hash = hash('sha256', out.bytes.subarray(start, out.length), 'hex')
  putHash(out, head.hash)
  return true
}

/** `{"shop_id":"…"}` where the row came from or went to another tenant, else null. */
function encodeOtherTenant(out: CopyBuffer, { otherTenant }: Entry, plan: TablePlan): void {
  if (!otherTenant) {
    putInt32(out, -1)
    return
  }
  const field = beginField(out)
  putByte(out, openBrace)
  putBytes(out, plan.labels[plan.tenant]!)
  const start = otherTenant.starts[plan.tenant]!
  if (start < 0) putBytes(out, nullJson)
  else putJsonText(out, otherTenant.message, start, otherTenant.ends[plan.tenant]!)
  putByte(out, closeBrace)
  endField(out, field)
}

function encodeKey(out: CopyBuffer, row: TupleSpans, plan: TablePlan): void {
  const field = beginField(out)
  putByte(out, openBracket)
  plan.key.forEach((column, place) => {
    if (place > 0) putByte(out, comma)
    putJsonText(out, row.message, row.starts[column]!, row.ends[column]!)
  })
  putByte(out, closeBracket)
  endField(out, field)
}

/** What an image is made of beside its row. */
interface ImageParts {
  /** Only the columns that differ from this row. */
  readonly than?: TupleSpans | null
  /** Where values are that the row does not repeat. */
  readonly unsent?: TupleSpans | null
  /** Sealed values that it carries. */
  readonly block?: Buffer | null
}

/** For the image after. */
const referencesOf = ({ operation, before: than, unsent }: Entry): ImageParts =>
  operation === 'update' ? { than } : { unsent: unsent ?? null }

function encodeImage(out: CopyBuffer, row: TupleSpans, plan: TablePlan, parts: ImageParts): void {
  const field = beginField(out)
  let mark = openBrace
  const end = eachValue(row, plan, parts, (column, from, start) => {
    putByte(out, mark)
    mark = comma
    putBytes(out, plan.labels[column]!)
    if (start < 0) putBytes(out, nullJson)
    else if (plan.sealed[column]) putBytes(out, sealedPlace)
    else putJsonText(out, from.message, start, from.ends[column]!)
  })
  if (end === 0) putByte(out, openBrace)
  if (parts.block) {
    putBytes(out, blockLabel)
    putBytes(out, parts.block)
  }
  putByte(out, closeBrace)
  endField(out, field)
}

/** Gives the columns of an image, where each value is and where it starts there (negative for null), and their number. */
function eachValue(
  row: TupleSpans,
  plan: TablePlan,
  { than = null, unsent = null }: ImageParts,
  take: (column: number, from: TupleSpans, start: number) => void,
): number {
  let count = 0
  for (let column = 0; column < plan.names.length; column += 1) {
    if (than !== null && isUnchanged(than, row, column)) continue
    const from = unsent !== null && row.starts[column] === notSent ? unsent : row
    const start = from.starts[column]!
    if (start === notSent) continue
    count += 1
    take(column, from, start)
  }
  return count
}

interface EntryBlocks {
  readonly before: Buffer | null
  readonly after: Buffer | null
}

const noBlocks: EntryBlocks = { before: null, after: null }
/** Where blocks are written before they are sealed. */
const scratch = createCopyBuffer()
const labels = { before: Buffer.from('"before":'), after: Buffer.from('"after":') }

/** One block for both images, or two where the row came to another person. */
function sealEntry(entry: Entry, plan: TablePlan, seal: SealBlock): EntryBlocks {
  const references = referencesOf(entry)
  const own = entry.before && personalValues(labels.before, entry.before, plan, {})
  const next = entry.after && personalValues(labels.after, entry.after, plan, references)
  const sealFor = (subject: string, content: readonly (Buffer | string)[]) =>
    seal(subject, plan.relation, Buffer.concat(['{', ...content, '}'].map((part) => Buffer.from(part)))) ??
    nullJson
  const owner = own && subjectOf(entry.before!, plan)
  const follower = next && subjectOf(entry.after!, plan, references)
  if (own && next && owner === follower) return { before: sealFor(owner!, [own, ',', next]), after: null }
  return { before: own && sealFor(owner!, [own]), after: next && sealFor(follower!, [next]) }
}

/** The values that are sealed, as a member of JSON; null when there are none. */
function personalValues(label: Buffer, row: TupleSpans, plan: TablePlan, parts: ImageParts): Buffer | null {
  scratch.length = 0
  putBytes(scratch, label)
  let mark = openBrace
  eachValue(row, plan, parts, (column, from, start) => {
    if (start < 0 || !plan.sealed[column]) return
    putByte(scratch, mark)
    mark = comma
    putBytes(scratch, plan.labels[column]!)
    putJsonText(scratch, from.message, start, from.ends[column]!)
  })
  if (mark === openBrace) return null
  putByte(scratch, closeBrace)
  return Buffer.from(scratch.bytes.subarray(0, scratch.length))
}

/** Whose data a row is. A row that names nobody stands for itself, so that it can be erased too. */
function subjectOf(row: TupleSpans, plan: TablePlan, { than, unsent }: ImageParts = {}): string {
  const textOf = (column: number) =>
    spanText(row.starts[column] === notSent ? (than ?? unsent ?? row) : row, column)
  const named = plan.subject < 0 ? null : textOf(plan.subject)
  return named ?? `${plan.relation} ${plan.key.map(textOf).join(' ')}`
}
