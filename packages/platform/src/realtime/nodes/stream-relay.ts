import type { CommittedTransaction, RowChange } from '../../tail/index.ts'

/** Carries the stream from the node that holds it to those that do not. */
export interface StreamRelay {
  /** From the holder; `previous` is the position of what it published before, null for its first. */
  publish(transaction: CommittedTransaction, previous: string | null): void
  /** Calls `receive` for all that is published from now on, by whichever node; resolves when it listens. */
  start(
    receive: (transaction: CommittedTransaction, previous: string | null) => void,
    lost: () => void,
  ): Promise<void>
  stop(): Promise<void>
}

interface Wire {
  readonly p: string | null
  readonly t: Omit<CommittedTransaction, 'messages' | 'changes' | 'truncated'>
  readonly c: readonly (Omit<RowChange, 'relation'> & { readonly r: number })[]
  /** Indexes of relations that were truncated. */
  readonly x: readonly number[]
  readonly r: readonly RowChange['relation'][]
  readonly m: readonly (readonly [string, string])[]
}

/** A transaction as text; relations are written once. */
export function encodeTransaction(transaction: CommittedTransaction, previous: string | null): string {
  const relations: RowChange['relation'][] = []
  const places = new Map<RowChange['relation'], number>()
  const placeOf = (relation: RowChange['relation']) => {
    const known = places.get(relation)
    if (known !== undefined) return known
    places.set(relation, relations.push(relation) - 1)
    return relations.length - 1
  }
  const { position, xid, committedAt, actor } = transaction
  const wire: Wire = {
    p: previous,
    t: { position, xid, committedAt, actor },
    c: transaction.changes.map(({ relation, operation, before, after }) => ({
      r: placeOf(relation),
      operation,
      before,
      after,
    })),
    x: transaction.truncated.map(placeOf),
    r: relations,
    m: transaction.messages.map(({ prefix, content }) => [prefix, content.toString('base64')]),
  }
  return JSON.stringify(wire)
}

export function decodeTransaction(text: string): {
  readonly transaction: CommittedTransaction
  readonly previous: string | null
} {
  const wire = JSON.parse(text) as Wire
  return {
    previous: wire.p,
    transaction: {
      ...wire.t,
      changes: wire.c.map(({ r, ...change }) => ({ ...change, relation: wire.r[r]! })),
      truncated: wire.x.map((place) => wire.r[place]!),
      messages: wire.m.map(([prefix, content]) => ({ prefix, content: Buffer.from(content, 'base64') })),
    },
  }
}
