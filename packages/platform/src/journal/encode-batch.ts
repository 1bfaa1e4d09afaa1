import type { StreamedRelation, StreamedTransaction } from '../tail/index.ts'
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

/** What this process knows without asking the database; `undefined` where it has to ask. */
export interface Knowledge {
  plan(relation: StreamedRelation): Plan | undefined
  /** The head of a chain; null when the tenant has none yet. */
  head(tenant: string): ChainHead | null | undefined
  seal(subject: string, relation: string, column: string, value: string): string | undefined
}

/** A batch on its way into the journal. Figures and heads are those of what was taken so far. */
export interface EncodedBatch {
  /** The next part of a binary COPY; null at its end. */
  next(): Buffer | null
  readonly heads: ReadonlyMap<string, ChainHead>
  /** What has to be looked up before the batch can be written; then it is encoded anew. */
  readonly unknown: {
    readonly relations: ReadonlySet<StreamedRelation>
    readonly tenants: ReadonlySet<string>
    readonly subjects: ReadonlySet<string>
  }
  readonly isKnown: boolean
  /** Persons whose values are in it. */
  readonly sealedFor: ReadonlySet<string>
  readonly entries: number
  /** Images are missing because a table's replica identity was changed, or the table emptied, behind our back. */
  readonly incomplete: boolean
}

/** PostgreSQL stores one part while the next is being encoded. */
const partBytes = 256 * 1024
/** Signature, flags and the length of no extension. */
const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

export function encodeBatch(
  transactions: readonly StreamedTransaction[],
  day: number,
  knowledge: Knowledge,
): EncodedBatch {
  const heads = new Map<string, ChainHead>()
  const relations = new Set<StreamedRelation>()
  const tenants = new Set<string>()
  const subjects = new Set<string>()
  const sealedFor = new Set<string>()
  let entries = 0
  let incomplete = false
  let out: CopyBuffer = createCopyBuffer()

  const headOf = (tenant: string): ChainHead => {
    let head = heads.get(tenant)
    if (head) return head
    const known = knowledge.head(tenant)
    if (known === undefined) tenants.add(tenant)
    head = { sequence: known?.sequence ?? 0, hash: known?.hash ?? noHash }
    heads.set(tenant, head)
    return head
  }

  const seal: SealValue = (subject, relation, column, value) => {
    const sealed = knowledge.seal(subject, relation, column, value)
    if (sealed === undefined) subjects.add(subject)
    else sealedFor.add(subject)
    return sealed ?? 'null'
  }

  function* parts(): Generator<Buffer> {
    putBytes(out, copyHeader)
    for (const transaction of transactions) {
      for (const relation of transaction.truncated) {
        const plan = knowledge.plan(relation)
        if (plan === undefined) relations.add(relation)
        if (plan) incomplete = true
      }
      const fields = encodeTransactionFields(transaction, day)
      for (const change of transaction.changes) {
        const plan = knowledge.plan(change.relation)
        if (plan === undefined) relations.add(change.relation)
        if (!plan) continue
        if (plan === 'unreadable' || change.relation.replicaIdentity !== 'f') incomplete = true
        if (plan === 'unreadable') continue
        entries += encodeChange(change, plan, fields, { out, headOf, seal })
        if (out.length >= partBytes) yield cut()
      }
    }
    putByte(out, 0xff)
    putByte(out, 0xff)
    yield cut()
  }

  function cut(): Buffer {
    const part = out.bytes.subarray(0, out.length)
    out = createCopyBuffer(partBytes + partBytes / 8)
    return part
  }

  const encoding = parts()
  return {
    next: () => encoding.next().value ?? null,
    heads,
    unknown: { relations, tenants, subjects },
    sealedFor,
    get isKnown() {
      return relations.size + tenants.size + subjects.size === 0
    },
    get entries() {
      return entries
    },
    get incomplete() {
      return incomplete
    },
  }
}
