import { describe, expect, it } from 'vitest'
import { silentLog } from '../../kernel/index.ts'
import type { LiveConsumer, TransactionChunk } from '../../tail/index.ts'
import { createChangeSource } from './change-source.ts'
import { decodeChunk, encodeChunk, type StreamPlace, type StreamRelay } from './stream-relay.ts'

/** A transaction of one chunk, or with `index` a chunk of a longer one. */
const transaction = (position: string, mark?: string, index?: number): TransactionChunk => ({
  transaction: { position, xid: 1, committedAt: '2026-01-01T00:00:00.000000Z', actor: null },
  index: index ?? 0,
  isLast: index === undefined,
  bytes: 0,
  changes: [],
  truncated: [],
  messages: mark === undefined ? [] : [{ prefix: 'plinth.mark', content: Buffer.from(mark) }],
})

const nameOf = ({ transaction: { position }, index }: TransactionChunk) => nameOfPlace([position, index])
const nameOfPlace = ([position, index]: StreamPlace) => (index === 0 ? position : `${position} #${index}`)

/** A node whose tail and relay the test moves by hand. */
async function createNode(options: { holds: boolean; withRelay: boolean }) {
  const told: string[] = []
  const published: (string | null)[][] = []
  let consumer: LiveConsumer | undefined
  let receive: Parameters<StreamRelay['start']>[0] | undefined
  const node = { ...options, writeMark: () => Promise.resolve('mark') }
  const relay: StreamRelay = {
    publish: (chunk, previous) => published.push([nameOf(chunk), previous ? nameOfPlace(previous) : null]),
    start: (take) => {
      receive = take
      return Promise.resolve()
    },
    stop: () => Promise.resolve(),
  }
  const source = createChangeSource({
    feed: {
      holds: () => node.holds,
      position: () => null,
      subscribe: (added) => {
        consumer = added
        return () => undefined
      },
      writeMark: () => node.writeMark(),
      synchronise: () => Promise.resolve('0/0'),
    },
    relay: options.withRelay ? relay : undefined,
    log: silentLog,
    patience: 60,
    push: (chunk) => told.push(nameOf(chunk)),
    broken: () => told.push('broken'),
  })
  await source.start()
  return { node, source, told, published, consumer: consumer!, receive: receive! }
}

describe('the stream of a node', () => {
  it('is armed when its mark has come by, also when it came before the statement was answered', async () => {
    const { node, source, consumer } = await createNode({ holds: true, withRelay: false })
    node.writeMark = () => {
      consumer.handle(transaction('0/1', 'early'))
      return Promise.resolve('early')
    }
    await source.armed()
  })

  it('that does not come in time is not ready', async () => {
    const { source } = await createNode({ holds: true, withRelay: false })
    await expect(source.armed()).rejects.toMatchObject({ code: 'stream_not_ready' })
    const without = await createNode({ holds: false, withRelay: false })
    await expect(without.source.armed()).rejects.toMatchObject({ code: 'stream_not_ready' })
  })

  it('comes from the holder, each once; what does not join what was seen starts everyone over', async () => {
    const { told, receive } = await createNode({ holds: false, withRelay: true })
    receive(transaction('0/10'), null)
    receive(transaction('0/20'), ['0/10', 0])
    receive(transaction('0/20'), ['0/10', 0])
    receive(transaction('0/40'), ['0/30', 0])
    expect(told).toEqual(['0/10', '0/20', 'broken', '0/40'])
  })

  it('goes on in the middle of a transaction, and starts over when a part of it is missing', async () => {
    const { told, receive, node, consumer } = await createNode({ holds: false, withRelay: true })
    receive(transaction('0/10', undefined, 0), null)
    receive(transaction('0/10', undefined, 1), ['0/10', 0])
    node.holds = true
    consumer.holding?.(true)
    for (const index of [0, 1, 2]) consumer.handle(transaction('0/10', undefined, index))
    expect(told).toEqual(['0/10', '0/10 #1', '0/10 #2'])
    node.holds = false
    receive(transaction('0/10', undefined, 4), ['0/10', 3])
    expect(told.slice(3)).toEqual(['broken', '0/10 #4'])
  })

  it('after taking over goes on only when it repeats something that was seen', async () => {
    const proven = await createNode({ holds: false, withRelay: true })
    proven.receive(transaction('0/10'), null)
    proven.node.holds = true
    proven.consumer.holding?.(true)
    proven.consumer.handle(transaction('0/10'))
    proven.consumer.handle(transaction('0/20'))
    expect(proven.told).toEqual(['0/10', '0/20'])
    expect(proven.published).toEqual([['0/20', '0/10']])
    const unproven = await createNode({ holds: false, withRelay: true })
    unproven.receive(transaction('0/10'), null)
    unproven.node.holds = true
    unproven.consumer.holding?.(true)
    unproven.consumer.handle(transaction('0/20'))
    expect(unproven.told).toEqual(['0/10', 'broken', '0/20'])
    expect(unproven.published).toEqual([['0/20', null]])
  })
})

describe('a relayed chunk', () => {
  it('is what it was', () => {
    const relation = {
      oid: 1,
      schema: 'public',
      table: 't',
      columns: [{ name: 'id', typeOid: 23, isKey: true }],
    }
    const part = transaction('0/10', 'm', 7)
    const actor = { user: null, role: 'anon', requestId: 'r', via: null, reason: null }
    const whole: TransactionChunk = {
      ...part,
      transaction: { ...part.transaction, actor },
      changes: [
        { relation, operation: 'insert', before: null, after: { id: '1' } },
        { relation, operation: 'delete', before: { id: '1' }, after: null },
      ],
      truncated: [relation],
    }
    const text = encodeChunk(whole, ['0/9', 2])
    expect(decodeChunk(text)).toEqual({ chunk: { ...whole, bytes: text.length }, previous: ['0/9', 2] })
  })
})
