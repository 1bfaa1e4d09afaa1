import { type Actor, type ActorMessages, actorMessagePrefix } from '../../database/index.ts'
import type { StreamColumn } from '../committed-transaction.ts'
import { tailErrors } from '../errors.ts'
import { formatPosition } from '../position.ts'
import { type RawTuple, StreamedChange, type StreamedRelation, skipTuple } from './row-change.ts'
import type { StreamedChunk, StreamedTransaction } from './streamed-chunk.ts'

export interface ChangeDecoder {
  /** Takes one pgoutput message (the payload of XLogData). */
  decode(message: Buffer): void
  /** Takes the beginning of a message that is too large to be read: its table counts as emptied. */
  skip(beginning: Buffer): void
  /** The transaction whose end has not come yet; null between transactions. */
  current(): Pick<StreamedTransaction, 'commit'> | null
}

/** Where a chunk is full. What is in a chunk must depend on nothing but the transaction: see {@link StreamedChunk.index}. */
const fullChunk = { changes: 500, bytes: 512 * 1024 }
/** Objects of a change, beside the bytes of its row. */
const changeBytes = 512

const code = (letter: string) => letter.charCodeAt(0)
const [begin, commit, relation, insert, update, remove, logical, truncate, type, origin] = [
  ...'BCRIUDMTYO',
].map(code)
const [newTuple, oldTuple, keyTuple] = [...'NOK'].map(code)

/**
 * Turns pgoutput messages (protocol version 1, PostgreSQL's documentation 55.9) into chunks of transactions. This protocol
 * brings a transaction after its commit, so its first rows can be handed on before its last ones have come. Values stay
 * the text that PostgreSQL wrote: no number is rounded, no microsecond cut.
 */
export function createChangeDecoder(
  actors: Pick<ActorMessages, 'read'>,
  onChunk: (chunk: StreamedChunk) => void,
): ChangeDecoder {
  const relations = new Map<number, StreamedRelation>()
  let open: OpenTransaction | null = null

  function decode(message: Buffer): void {
    switch (message[0]) {
      case begin:
        open = beginTransaction(message)
        return
      case commit: {
        const whole = current()
        open = null
        emit(whole, message.readBigUInt64BE(10))
        return
      }
      case relation:
        relations.set(message.readUInt32BE(1), readRelation(message))
        return
      case insert:
      case update:
      case remove: {
        const { chunk } = withRoom(message.length + changeBytes)
        chunk.changes.push(readChange(message, relationAt(message, 1)))
        return
      }
      case logical:
        if (open) takeMessage(message)
        return
      case truncate: {
        const { chunk } = withRoom(message.length)
        for (let place = 0; place < message.readInt32BE(1); place += 1)
          chunk.truncated.push(relationAt(message, 6 + 4 * place))
        return
      }
      case type:
      case origin:
        return
      default:
        throw tailErrors.tail_protocol({ problem: `an unknown message of type ${message[0]}` })
    }
  }

  function current(): OpenTransaction {
    if (!open) throw tailErrors.tail_protocol({ problem: 'a change outside a transaction' })
    return open
  }

  /** The open transaction, whose chunk takes so many bytes more; a full chunk is handed on before. */
  function withRoom(bytes: number): OpenTransaction {
    const transaction = current()
    const { changes, bytes: taken } = transaction.chunk
    if (changes.length >= fullChunk.changes || taken >= fullChunk.bytes) emit(transaction, null)
    transaction.chunk.bytes += bytes
    return transaction
  }

  function emit(transaction: OpenTransaction, end: bigint | null): void {
    transaction.head ??= headOf(transaction)
    const { head, index, chunk } = transaction
    transaction.index += 1
    transaction.chunk = emptyChunk()
    onChunk({ transaction: head, index, isLast: end !== null, ...chunk, end })
  }

  function relationAt(message: Buffer, offset: number): StreamedRelation {
    const oid = message.readUInt32BE(offset)
    const found = relations.get(oid)
    if (!found) throw tailErrors.tail_protocol({ problem: `a row of table ${oid}, which was not described` })
    return found
  }

  function takeMessage(message: Buffer): void {
    const transaction = withRoom(message.length)
    const { prefix, content } = readLogicalMessage(message)
    if (prefix !== actorMessagePrefix) transaction.chunk.messages.push({ prefix, content })
    // Anybody who may run SQL can emit a message under the prefix; only the platform's own is one.
    else if (transaction.head === null && transaction.chunk.changes.length === 0)
      transaction.actorJson ??= actors.read(content)
  }

  /** A logical message that is too large is nobody's: the platform's own are small. */
  function skip(beginning: Buffer): void {
    const kind = beginning[0]
    if (kind === logical) return
    if (kind !== insert && kind !== update && kind !== remove)
      throw tailErrors.tail_protocol({ problem: `a message of type ${kind} that is too large` })
    withRoom(beginning.length).chunk.truncated.push(relationAt(beginning, 1))
  }

  return { decode, skip, current: () => open }
}

interface OpenTransaction {
  readonly commit: bigint
  readonly committedMicroseconds: bigint
  readonly xid: number
  actorJson: Buffer | null
  /** Made with the first chunk: from then on the actor is known. */
  head: StreamedTransaction | null
  index: number
  chunk: ChunkDraft
}

interface ChunkDraft {
  readonly changes: StreamedChange[]
  readonly truncated: StreamedRelation[]
  readonly messages: { prefix: string; content: Buffer }[]
  bytes: number
}

const emptyChunk = (): ChunkDraft => ({ changes: [], truncated: [], messages: [], bytes: 0 })

const beginTransaction = (message: Buffer): OpenTransaction => ({
  commit: message.readBigUInt64BE(1),
  committedMicroseconds: message.readBigInt64BE(9),
  xid: message.readUInt32BE(17),
  actorJson: null,
  head: null,
  index: 0,
  chunk: emptyChunk(),
})

const headOf = ({ commit, committedMicroseconds, xid, actorJson }: OpenTransaction): StreamedTransaction => ({
  position: formatPosition(commit),
  commit,
  xid,
  committedAt: formatInstant(committedMicroseconds),
  committedMicroseconds,
  actor: actorJson && (JSON.parse(actorJson.toString()) as Actor),
  actorJson,
})

function readChange(message: Buffer, of: StreamedRelation): StreamedChange {
  let offset = 5
  let before: RawTuple | null = null
  const mark = message[offset]
  if (mark === oldTuple || mark === keyTuple) {
    before = { message, offset: offset + 1, keyOnly: mark === keyTuple }
    if (message[0] === remove) return new StreamedChange(of, 'delete', before, null)
    offset = skipTuple(message, offset + 1)
  }
  if (message[offset] !== newTuple) throw tailErrors.tail_protocol({ problem: 'a change without its row' })
  const after = { message, offset: offset + 1, keyOnly: false }
  return new StreamedChange(of, message[0] === insert ? 'insert' : 'update', before, after)
}

function readRelation(message: Buffer): StreamedRelation {
  const schema = readText(message, 5)
  const table = readText(message, schema.next)
  const replicaIdentity = String.fromCharCode(message[table.next]!) as StreamedRelation['replicaIdentity']
  const count = message.readInt16BE(table.next + 1)
  const columns: StreamColumn[] = []
  let offset = table.next + 3
  for (let index = 0; index < count; index += 1) {
    const isKey = (message[offset]! & 1) === 1
    const name = readText(message, offset + 1)
    columns.push({ name: name.text, typeOid: message.readUInt32BE(name.next), isKey })
    offset = name.next + 8
  }
  return {
    oid: message.readUInt32BE(1),
    schema: schema.text || 'pg_catalog',
    table: table.text,
    columns,
    replicaIdentity,
  }
}

/** Of a message inside a transaction; those outside say nothing about a commit. */
function readLogicalMessage(message: Buffer): { readonly prefix: string; readonly content: Buffer } {
  const { text: prefix, next } = readText(message, 10)
  return { prefix, content: message.subarray(next + 4, next + 4 + message.readInt32BE(next)) }
}

/** Seconds between the Unix epoch and PostgreSQL's, 2000-01-01. */
export const postgresEpoch = 946_684_800

/** ISO 8601 with six decimals, UTC. */
export function formatInstant(microseconds: bigint): string {
  const sinceUnix = microseconds + BigInt(postgresEpoch) * 1_000_000n
  const second = sinceUnix / 1_000_000n
  const rest = String(sinceUnix % 1_000_000n).padStart(6, '0')
  return `${new Date(Number(second) * 1000).toISOString().slice(0, 19)}.${rest}Z`
}

function readText(message: Buffer, offset: number): { readonly text: string; readonly next: number } {
  const end = message.indexOf(0, offset)
  return { text: message.toString('utf8', offset, end), next: end + 1 }
}
