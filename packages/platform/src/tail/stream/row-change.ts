import type { RowChange, RowImage, StreamRelation } from '../committed-transaction.ts'

/** A table with what its images before a change hold. */
export interface StreamedRelation extends StreamRelation {
  /** REPLICA IDENTITY: `d` primary key, `n` nothing, `f` full, `i` an index. */
  readonly replicaIdentity: 'd' | 'n' | 'f' | 'i'
}

/** A row inside a pgoutput message: where its column count is. */
export interface RawTuple {
  readonly message: Buffer
  readonly offset: number
  /** Only the columns of the replica identity are there; the others are sent as nulls and mean nothing. */
  readonly keyOnly: boolean
}

/** `t`: text follows. `n`: null. The third kind, `u`, is a large value that the update did not touch and that is not sent. */
export const textValue = 0x74
export const nullValue = 0x6e

/**
 * A change as it came from the stream. Its images are made when somebody looks at them: most rows are looked at by one
 * consumer, and the journal takes the bytes as they are.
 */
export class StreamedChange implements RowChange {
  readonly relation: StreamedRelation
  readonly operation: RowChange['operation']
  readonly rawBefore: RawTuple | null
  readonly rawAfter: RawTuple | null
  #before: RowImage | undefined
  #after: RowImage | undefined

  constructor(
    relation: StreamedRelation,
    operation: RowChange['operation'],
    before: RawTuple | null,
    after: RawTuple | null,
  ) {
    this.relation = relation
    this.operation = operation
    this.rawBefore = before
    this.rawAfter = after
  }

  get before(): RowImage | null {
    if (this.rawBefore === null) return null
    this.#before ??= readImage(this.relation, this.rawBefore, null)
    return this.#before
  }

  get after(): RowImage | null {
    if (this.rawAfter === null) return null
    this.#after ??= readImage(this.relation, this.rawAfter, this.before)
    return this.#after
  }
}

/** A value that was not sent is taken from the image before, and left out when that does not have it either. */
function readImage(relation: StreamRelation, tuple: RawTuple, before: RowImage | null): RowImage {
  const { message, keyOnly } = tuple
  const image: Record<string, string | null> = Object.create(null)
  let offset = tuple.offset + 2
  for (const column of relation.columns) {
    const kind = message[offset]
    offset += 1
    if (kind === textValue) {
      const end = offset + 4 + message.readInt32BE(offset)
      image[column.name] = message.toString('utf8', offset + 4, end)
      offset = end
    } else if (kind === nullValue) {
      if (!keyOnly || column.isKey) image[column.name] = null
    } else if (before !== null && column.name in before) {
      image[column.name] = before[column.name]!
    }
  }
  return image
}

/** Where the next part of a message begins, after a tuple. */
export function skipTuple(message: Buffer, offset: number): number {
  const columns = message.readInt16BE(offset)
  let next = offset + 2
  for (let column = 0; column < columns; column += 1) {
    next += message[next] === textValue ? 5 + message.readInt32BE(next + 1) : 1
  }
  return next
}
