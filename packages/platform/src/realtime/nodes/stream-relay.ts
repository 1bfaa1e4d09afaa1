import type { CommittedTransaction, RowChange, TransactionChunk } from '../../tail/index.ts'

/** Carries the stream from the node that holds it to those that do not. */
export interface StreamRelay {
  /** From the holder; `previous` is what it published before, null for its first. */
  publish(chunk: TransactionChunk, previous: StreamPlace | null): void
  /** Calls `receive` for all that is published from now on, by whichever node; resolves when it listens. */
  start(
    receive: (chunk: TransactionChunk, previous: StreamPlace | null) => void,
    lost: () => void,
  ): Promise<void>
  stop(): Promise<void>
}

/** A chunk's place in the stream: its transaction's position and its number in it. */
export type StreamPlace = readonly [position: string, index: number]

interface Wire {
  readonly p: StreamPlace | null
  readonly t: CommittedTransaction
  /** Number, whether it is the last one. */
  readonly n: readonly [number, boolean]
  readonly c: readonly (Omit<RowChange, 'relation'> & { readonly r: number })[]
  /** Indexes of relations that were truncated. */
  readonly x: readonly number[]
  readonly r: readonly RowChange['relation'][]
  readonly m: readonly (readonly [string, string])[]
}

/** A chunk as text; relations are written once. */
export function encodeChunk(chunk: TransactionChunk, previous: StreamPlace | null): string {
  const relations: RowChange['relation'][] = []
  const places = new Map<RowChange['relation'], number>()
  const placeOf = (relation: RowChange['relation']) => {
    const known = places.get(relation)
    if (known !== undefined) return known
    places.set(relation, relations.push(relation) - 1)
    return relations.length - 1
  }
  const { position, xid, committedAt, actor } = chunk.transaction
  const wire: Wire = {
    p: previous,
    t: { position, xid, committedAt, actor },
    n: [chunk.index, chunk.isLast],
    c: chunk.changes.map(({ relation, operation, before, after }) => ({
      r: placeOf(relation),
      operation,
      before,
      after,
    })),
    x: chunk.truncated.map(placeOf),
    r: relations,
    m: chunk.messages.map(({ prefix, content }) => [prefix, content.toString('base64')]),
  }
  return JSON.stringify(wire)
}

export function decodeChunk(text: string): {
  readonly chunk: TransactionChunk
  readonly previous: StreamPlace | null
} {
  const wire = JSON.parse(text) as Wire
  return {
    previous: wire.p,
    chunk: {
      transaction: wire.t,
      index: wire.n[0],
      isLast: wire.n[1],
      changes: wire.c.map(({ r, ...change }) => ({ ...change, relation: wire.r[r]! })),
      truncated: wire.x.map((place) => wire.r[place]!),
      messages: wire.m.map(([prefix, content]) => ({ prefix, content: Buffer.from(content, 'base64') })),
      bytes: text.length,
    },
  }
}
