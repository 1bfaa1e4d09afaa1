import { createTurns } from '../kernel/index.ts'
import type { StreamedChunk, StreamedRelation } from '../tail/index.ts'
import { type CopyBuffer, createCopyBuffer, putByte, putBytes } from './copy-buffer.ts'
import {
  type ChainHead,
  encodeChange,
  encodeTransactionFields,
  noHash,
  type SealBlock,
} from './encode-entries.ts'
import type { GapReason } from './journal-session.ts'
import type { Plan } from './journal-tables.ts'

/** What is known without asking the database. */
export interface Knowledge {
  plan(relation: StreamedRelation): Plan
  /** The head of a chain; null when the tenant has none yet, undefined when it has to be looked up. */
  head(tenant: string): ChainHead | null | undefined
  /** Seals a block; undefined when that has to be done first. */
  readonly seal: SealBlock
}

/** A slice of the stream as entries of the journal. Without meaning as long as something is missing. */
export interface EncodedSlice {
  /** A binary COPY. */
  readonly parts: readonly Buffer[]
  /** Where the chains of the slice end. */
  readonly heads: ReadonlyMap<string, ChainHead>
  /** Tenants whose heads have to be looked up before the slice is encoded anew. */
  readonly unknown: ReadonlySet<string>
  /** True when blocks have to be sealed before it is. */
  readonly isUnsealed: boolean
  readonly entries: number
  /**
   * Why it is not all that happened: a table's replica identity was changed, or the table emptied, behind our back, or a
   * tenant's name does not fit into an index. Null when it is.
   */
  readonly gap: GapReason | null
}

const partBytes = 64 * 1024
/** Signature, flags and the length of no extension. */
const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

export async function encodeSlice(
  chunks: readonly StreamedChunk[],
  day: number,
  knowledge: Knowledge,
): Promise<EncodedSlice> {
  const turns = createTurns()
  const heads = new Map<string, ChainHead>()
  const unknown = new Set<string>()
  const parts: Buffer[] = []
  let entries = 0
  let gap: GapReason | null = null
  let isUnsealed = false
  let out: CopyBuffer = createCopyBuffer(partBytes + partBytes / 8)

  const headOf = (tenant: string): ChainHead => {
    let head = heads.get(tenant)
    if (head) return head
    const known = knowledge.head(tenant)
    if (known === undefined) unknown.add(tenant)
    head = { sequence: known?.sequence ?? 0, hash: known?.hash ?? noHash }
    heads.set(tenant, head)
    return head
  }

  const seal: SealBlock = (subject, relation, content) => {
    const block = knowledge.seal(subject, relation, content)
    isUnsealed ||= block === undefined
    return block
  }

  function cut(): void {
    parts.push(out.bytes.subarray(0, out.length))
    out = createCopyBuffer(partBytes + partBytes / 8)
  }

  putBytes(out, copyHeader)
  for (const { transaction, changes, truncated } of chunks) {
    if (truncated.some((relation) => knowledge.plan(relation) !== null)) gap = 'images_missing'
    const fields = encodeTransactionFields(transaction, day)
    for (const change of changes) {
      const plan = knowledge.plan(change.relation)
      if (!plan) continue
      if (plan === 'unreadable' || change.relation.replicaIdentity !== 'f') gap = 'images_missing'
      if (plan === 'unreadable') continue
      const made = encodeChange(change, plan, fields, { out, headOf, seal })
      entries += made.stored
      if (made.leftOut > 0) gap = 'unstorable'
      if (out.length >= partBytes) {
        if (isUnsealed || unknown.size > 0) out.length = 0
        else cut()
      }
      if (turns.isDue()) await turns.take()
    }
  }
  putByte(out, 0xff)
  putByte(out, 0xff)
  cut()
  return { parts, heads, unknown, isUnsealed, entries, gap }
}
