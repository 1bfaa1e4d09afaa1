import { type Actor, type ActorMessages, actorMessagePrefix } from '../../database/index.ts'
import type { CommittedTransaction, StreamColumn } from '../committed-transaction.ts'
import { tailErrors } from '../errors.ts'
import { formatPosition } from '../position.ts'
import { type RawTuple, StreamedChange, type StreamedRelation, skipTuple } from './row-change.ts'

/** A transaction with what the journal stores as it came. */
export interface StreamedTransaction extends CommittedTransaction {
  readonly changes: readonly StreamedChange[]
  readonly truncated: readonly StreamedRelation[]
  /** End of the commit record as a number. */
  readonly end: bigint
  /** Microseconds since 2000-01-01, as in the commit record. */
  readonly committedMicroseconds: bigint
  /** The actor as the platform wrote it, without what proved it; null when the platform did not say who acts. */
  readonly actorJson: Buffer | null
  /** Bytes of the stream that it took, a measure of the memory it holds. */
  readonly bytes: number
}

export interface ChangeDecoder {
  /** Takes one pgoutput message (the payload of XLogData). */
  decode(message: Buffer): void
  /** True between the beginning of a transaction and its commit. */
  inTransaction(): boolean
}

const code = (letter: string) => letter.charCodeAt(0)
const [begin, commit, relation, insert, update, remove, logical, truncate, type, origin] = [
  ...'BCRIUDMTYO',
].map(code)
const [newTuple, oldTuple, keyTuple] = [...'NOK'].map(code)

/**
 * Turns pgoutput messages (protocol version 1, PostgreSQL's documentation 55.9) into transactions. Values stay the text
 * that PostgreSQL wrote: no number is rounded, no microsecond cut.
 */
export function createChangeDecoder(
  actors: Pick<ActorMessages, 'read'>,
  onTransaction: (transaction: StreamedTransaction) => void,
): ChangeDecoder {
  const relations = new Map<number, StreamedRelation>()
  let open: OpenTransaction | null = null

  function decode(message: Buffer): void {
    switch (message[0]) {
      case begin:
        open = {
          xid: message.readUInt32BE(17),
          changes: [],
          truncated: [],
          messages: [],
          actorJson: null,
          bytes: 0,
        }
        return
      case commit:
        onTransaction(finish(current(), message))
        open = null
        return
      case relation:
        relations.set(message.readUInt32BE(1), readRelation(message))
        return
      case insert:
      case update:
      case remove: {
        const transaction = current()
        transaction.bytes += message.length
        transaction.changes.push(readChange(message, relationAt(message, 1)))
        return
      }
      case logical:
        if (open) readLogicalMessage(message, open, actors)
        return
      case truncate: {
        const { truncated } = current()
        for (let place = 0; place < message.readInt32BE(1); place += 1)
          truncated.push(relationAt(message, 6 + 4 * place))
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

  function relationAt(message: Buffer, offset: number): StreamedRelation {
    const oid = message.readUInt32BE(offset)
    const found = relations.get(oid)
    if (!found) throw tailErrors.tail_protocol({ problem: `a row of table ${oid}, which was not described` })
    return found
  }

  return { decode, inTransaction: () => open !== null }
}

interface OpenTransaction {
  readonly xid: number
  readonly changes: StreamedChange[]
  readonly truncated: StreamedRelation[]
  readonly messages: { prefix: string; content: Buffer }[]
  actorJson: Buffer | null
  bytes: number
}

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

/** Messages outside transactions say nothing about a commit; the decoder is not given them. */
function readLogicalMessage(
  message: Buffer,
  into: OpenTransaction,
  actors: Pick<ActorMessages, 'read'>,
): void {
  const prefix = readText(message, 10)
  const content = message.subarray(prefix.next + 4, prefix.next + 4 + message.readInt32BE(prefix.next))
  into.bytes += message.length
  if (prefix.text !== actorMessagePrefix) into.messages.push({ prefix: prefix.text, content })
  // Anybody who may run SQL can emit a message under the prefix; only the platform's own is one.
  else into.actorJson ??= actors.read(content)
}

function finish(open: OpenTransaction, message: Buffer): StreamedTransaction {
  const end = message.readBigUInt64BE(10)
  const committedMicroseconds = message.readBigInt64BE(18)
  return {
    position: formatPosition(end),
    end,
    xid: open.xid,
    committedAt: formatInstant(committedMicroseconds),
    committedMicroseconds,
    actor: open.actorJson && (JSON.parse(open.actorJson.toString()) as Actor),
    actorJson: open.actorJson,
    changes: open.changes,
    truncated: open.truncated,
    messages: open.messages,
    bytes: open.bytes,
  }
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
