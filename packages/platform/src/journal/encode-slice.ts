import { createTurns } from '../kernel/index.ts'
import type { StreamedChunk, StreamedRelation } from '../tail/index.ts'
import { type CopyBuffer, createCopyBuffer, putByte, putBytes } from './copy-buffer.ts'
import {
  type ChainHead,
  encodeChange,
  encodeTransactionFields,
  noHash,
  type SealValue,
} from './encode-entries.ts'
import type { planTable } from './journal-tables.ts'

export type Plan = ReturnType<typeof planTable>

/** What is known without asking the database; `undefined` where it has to be asked. */
export interface Knowledge {
  plan(relation: StreamedRelation): Plan | undefined
  /** The head of a chain; null when the tenant has none yet. */
  head(tenant: string): ChainHead | null | undefined
  seal(subject: string, relation: string, column: string, value: string): string | undefined
}

/** A slice of the stream as entries of the journal. Without meaning as long as anything is unknown. */
export interface EncodedSlice {
  /** A binary COPY. */
  readonly parts: readonly Buffer[]
  /** Where the chains of the slice end. */
  readonly heads: ReadonlyMap<string, ChainHead>
  /** What has to be looked up; then the slice is encoded anew. Null when nothing has. */
  readonly unknown: UnknownParts | null
  readonly entries: number
  /** Images are missing because a table's replica identity was changed, or the table emptied, behind our back. */
  readonly isIncomplete: boolean
}

export interface UnknownParts {
  readonly relations: ReadonlySet<StreamedRelation>
  readonly tenants: ReadonlySet<string>
  readonly subjects: ReadonlySet<string>
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
  const unknown = {
    relations: new Set<StreamedRelation>(),
    tenants: new Set<string>(),
    subjects: new Set<string>(),
  }
  const parts: Buffer[] = []
  let entries = 0
  let isIncomplete = false
  let out: CopyBuffer = createCopyBuffer(partBytes + partBytes / 8)

  const headOf = (tenant: string): ChainHead => {
    let head = heads.get(tenant)
    if (head) return head
    const known = knowledge.head(tenant)
    if (known === undefined) unknown.tenants.add(tenant)
    head = { sequence: known?.sequence ?? 0, hash: known?.hash ?? noHash }
    heads.set(tenant, head)
    return head
  }

  const seal: SealValue = (subject, relation, column, value) => {
    const sealed = knowledge.seal(subject, relation, column, value)
    if (sealed === undefined) unknown.subjects.add(subject)
    return sealed ?? 'null'
  }

  const planOf = (relation: StreamedRelation): Plan => {
    const plan = knowledge.plan(relation)
    if (plan === undefined) unknown.relations.add(relation)
    return plan ?? null
  }

  const isUnknown = () => unknown.relations.size + unknown.tenants.size + unknown.subjects.size > 0

  function cut(): void {
    parts.push(out.bytes.subarray(0, out.length))
    out = createCopyBuffer(partBytes + partBytes / 8)
  }

  putBytes(out, copyHeader)
  for (const { transaction, changes, truncated } of chunks) {
    if (truncated.some((relation) => planOf(relation) !== null)) isIncomplete = true
    const fields = encodeTransactionFields(transaction, day)
    for (const change of changes) {
      const plan = planOf(change.relation)
      if (!plan) continue
      if (plan === 'unreadable' || change.relation.replicaIdentity !== 'f') isIncomplete = true
      if (plan === 'unreadable') continue
      entries += encodeChange(change, plan, fields, { out, headOf, seal })
      if (out.length >= partBytes) {
        if (isUnknown()) out.length = 0
        else cut()
      }
      if (turns.isDue()) await turns.take()
    }
  }
  putByte(out, 0xff)
  putByte(out, 0xff)
  cut()
  return { parts, heads, unknown: isUnknown() ? unknown : null, entries, isIncomplete }
}
