import { once } from 'node:events'
import type { Socket } from 'node:net'
import pg from 'pg'
import { createPinnedClient, liftTransactionTimeout } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import { tailErrors } from '../errors.ts'
import { createFrameReader } from './read-frames.ts'

export interface ReplicationOptions {
  /** An address that may replicate, never through a pooler. */
  readonly url: string
  readonly applicationName: string
  readonly slot: string
  readonly publication: string
  /** After how many silent milliseconds PostgreSQL gives the slot to the next one who asks. */
  readonly silenceMilliseconds: number
  /** Where the stream begins, `X/Y`, if that is after what the slot has confirmed. */
  readonly startAt: string | null
  /** A pgoutput message. */
  onMessage(message: Buffer): void
  /** The beginning of one that is larger than {@link mostMessageBytes}, which is passed over. */
  onOversized(beginning: Buffer): void
  /** All that PostgreSQL had committed up to `end` has been sent. */
  onKeepalive(end: bigint): void
  /** What may be forgotten, asked whenever PostgreSQL is told. */
  acknowledged(): bigint
  /** The stream is over; called once, with the reason unless {@link ReplicationStream.close} was called. */
  onEnd(problem: Error | null): void
}

/**
 * A running stream. It starts paused, so that the holder can find out what is stored before anything arrives. However much
 * comes, reading stops after a few milliseconds for a turn of the event loop. What may be forgotten is told also while it
 * is paused, which keeps the connection.
 */
export interface ReplicationStream {
  resume(): void
  pause(): void
  /** Tells PostgreSQL now what may be forgotten. It is also told once a second. */
  acknowledge(): void
  close(): Promise<void>
}

const statusMilliseconds = 1_000
/** A row before and after a change; PostgreSQL's own bound is 1 GB. */
const mostMessageBytes = 64 * 1024 * 1024
/** Reading without a turn of the event loop. */
const turnMilliseconds = 4
const copyBoth = 0x57
const copyData = 0x64
const copyDone = 0x63
const errorResponse = 0x45
const xlogData = 0x77
const keepalive = 0x6b
/** Type, start, end and time precede the payload of XLogData. */
const xlogHeaderBytes = 25

/**
 * Takes the slot and streams from it. pg logs in (SCRAM, TLS), then its socket is ours: pg has no stream that hands over
 * bytes which stay valid. Fails with PostgreSQL's own error, `55006` while somebody else holds the slot.
 */
export async function openReplicationStream(options: ReplicationOptions): Promise<ReplicationStream> {
  const client = createPinnedClient(
    options.url,
    options.applicationName,
    { wal_sender_timeout: options.silenceMilliseconds, logical_decoding_work_mem: '64MB' },
    { replication: 'database' } as pg.ClientConfig,
  )
  await client.connect()
  await liftTransactionTimeout(client)
  const socket = takeSocket(client)
  try {
    return await startStreaming(socket, options)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function takeSocket(client: pg.Client): Socket {
  const { connection } = client as unknown as { connection: { stream: Socket } }
  const socket = connection.stream
  socket.removeAllListeners('data')
  return socket
}

async function startStreaming(socket: Socket, options: ReplicationOptions): Promise<ReplicationStream> {
  const { promise: started, resolve: markStarted, reject: failStart } = Promise.withResolvers<void>()
  let ended = false
  let closing = false
  let received = 0n
  /** Why nothing is read at the moment: the holder wants nothing, or others shall have a turn. */
  const held = { byHolder: true, forTurn: false }
  let turnBegan: number | null = null

  const flow = () => {
    if (held.byHolder || held.forTurn) socket.pause()
    else socket.resume()
  }

  const takeTurns = () => {
    if (turnBegan === null || performance.now() - turnBegan < turnMilliseconds) return
    held.forTurn = true
    flow()
  }

  const beginTurn = () => {
    turnBegan = null
    if (!held.forTurn) return
    held.forTurn = false
    flow()
  }

  const end = (problem: Error) => {
    if (ended) return
    ended = true
    clearInterval(timer)
    socket.destroy()
    failStart(problem)
    void started.then(
      () => options.onEnd(closing ? null : problem),
      () => undefined,
    )
  }

  const onFrame = (type: number, bytes: Buffer, start: number, until: number) => {
    if (ended) return
    if (type === copyData) onCopyData(bytes, start, until)
    else if (type === copyBoth) {
      flow()
      markStarted()
    } else if (type === errorResponse) end(readError(bytes.subarray(start, until)))
    else if (type === copyDone) end(new Error('PostgreSQL ended the stream'))
  }

  const onCopyData = (bytes: Buffer, start: number, until: number) => {
    const kind = bytes[start]
    if (kind !== xlogData && kind !== keepalive) return
    received = bytes.readBigUInt64BE(start + 1)
    if (kind === xlogData)
      return guard(() => options.onMessage(bytes.subarray(start + xlogHeaderBytes, until)))
    guard(() => options.onKeepalive(received))
    if (bytes[start + 17] === 1) acknowledge()
  }

  /** What cannot be read ends the stream. */
  const guard = (work: () => void) => {
    try {
      work()
    } catch (error) {
      end(error instanceof Error ? error : tailErrors.tail_protocol({ problem: messageOf(error) }))
    }
  }

  const acknowledge = () => {
    if (!ended && socket.writable) socket.write(statusUpdate(received, options.acknowledged()))
  }

  const onOversized = (type: number, beginning: Buffer) => {
    if (type !== copyData || beginning[0] !== xlogData) return
    guard(() => options.onOversized(beginning.subarray(xlogHeaderBytes)))
  }

  const readFrames = createFrameReader({ onFrame, onOversized }, mostMessageBytes)
  socket.on('data', (bytes) => {
    if (turnBegan === null) setImmediate(beginTurn)
    turnBegan ??= performance.now()
    readFrames(bytes)
    takeTurns()
  })
  socket.on('error', end)
  socket.on('close', () => end(new Error('The connection of the stream was lost')))
  const timer = setInterval(acknowledge, statusMilliseconds)
  socket.resume()
  socket.write(queryMessage(startCommand(options)))
  await started
  return {
    resume: () => {
      held.byHolder = false
      flow()
    },
    pause: () => {
      held.byHolder = true
      flow()
    },
    acknowledge,
    close: async () => {
      if (ended) return
      acknowledge()
      closing = true
      // A paused socket never notices that the other side has closed.
      socket.resume()
      socket.end(Buffer.concat([emptyMessage(copyDone), emptyMessage(0x58)]))
      await Promise.race([
        once(socket, 'close'),
        new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
      ])
      end(new Error('closed'))
    },
  }
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Starts at what the slot has confirmed, or later. Protocol 1 sends whole transactions, in commit order. */
const startCommand = ({ slot, publication, startAt }: ReplicationOptions) =>
  `START_REPLICATION SLOT ${pg.escapeIdentifier(slot)} LOGICAL ${startAt ?? '0/0'} (proto_version '1', ` +
  `publication_names ${quote(pg.escapeIdentifier(publication))}, messages 'true')`

function queryMessage(text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const message = Buffer.alloc(5 + body.length)
  message[0] = 0x51
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}

const emptyMessage = (type: number) => Buffer.of(type, 0, 0, 0, 4)

/** Standby status update: written, flushed, applied, the sender's clock (not used by PostgreSQL), no reply wanted. */
function statusUpdate(received: bigint, stored: bigint): Buffer {
  const message = Buffer.alloc(5 + 34)
  message[0] = copyData
  message.writeInt32BE(4 + 34, 1)
  message[5] = 0x72
  message.writeBigUInt64BE(received > stored ? received : stored, 6)
  message.writeBigUInt64BE(stored, 14)
  message.writeBigUInt64BE(stored, 22)
  return message
}

/** PostgreSQL's error with its SQLSTATE in `code`. */
function readError(body: Buffer): Error {
  const fields = new Map<string, string>()
  for (const field of body.toString('utf8').split('\0')) if (field) fields.set(field[0]!, field.slice(1))
  return Object.assign(new Error(fields.get('M') ?? 'PostgreSQL reported an error'), {
    code: fields.get('C') ?? '',
  })
}
