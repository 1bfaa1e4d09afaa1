import { Redis } from 'ioredis'
import { type Log, messageOf } from '../../kernel/index.ts'
import type { Presence } from '../presence/presence-state.ts'
import type { NodeEvents, NodeLink, RelayedBroadcast, RelayedPresence } from './node-link.ts'
import { decodeChunk, encodeChunk, type StreamRelay } from './stream-relay.ts'

export interface RedisNodesOptions {
  readonly url: string
  /** Projects of one Redis do not hear each other. */
  readonly project: string
  /** Names this node. */
  readonly node: string
  readonly log: Log
  /** How often a node says that it lives, and after how long without it counts as dead. Default 3,000 and 10,000 ms. */
  readonly heartbeat?: { readonly every: number; readonly deadAfter: number }
}

type NodeMessage = { readonly node: string } & (
  | { readonly kind: 'broadcast'; readonly message: RelayedBroadcast }
  | { readonly kind: 'presence'; readonly change: RelayedPresence }
  | { readonly kind: 'state'; readonly rooms: readonly (readonly [string, readonly Presence[]])[] }
  /** `hello` asks everyone for their state. */
  | { readonly kind: 'hello' | 'alive' | 'bye' }
)

const defaultHeartbeat = { every: 3_000, deadAfter: 10_000 }
/** Chunks of transactions that Redis keeps for nodes that fall behind. */
const keptChunks = 10_000

/** Connects the nodes of a project through Redis: messages by publish/subscribe, the stream of changes by a stream. */
export function createRedisNodes(options: RedisNodesOptions): { link: NodeLink; relay: StreamRelay } {
  const connect = (purpose: string): Redis => {
    const redis = new Redis(options.url, {
      lazyConnect: true,
      maxRetriesPerRequest: null,
      connectionName: `plinth-${options.project}-${purpose}`,
    })
    redis.on('error', (error) =>
      options.log.warn({ problem: messageOf(error), purpose }, 'Redis is not reachable'),
    )
    return redis
  }
  return { link: createRedisLink(options, connect), relay: createRedisRelay(options, connect) }
}

type Connect = (purpose: string) => Redis

function createRedisLink(
  { project, node, heartbeat = defaultHeartbeat, log }: RedisNodesOptions,
  connect: Connect,
): NodeLink {
  const channel = `plinth:${project}:realtime`
  const hearing = connect('hearing')
  const speaking = connect('speaking')
  const heard = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined

  function say(message: NodeMessage): void {
    speaking.publish(channel, JSON.stringify(message)).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'other nodes were not told')
    })
  }

  function introduce(events: NodeEvents): void {
    say({ node, kind: 'hello' })
    say({ node, kind: 'state', rooms: [...events.ownPresence()] })
  }

  function hear(text: string, events: NodeEvents): void {
    const message = JSON.parse(text) as NodeMessage
    if (message.node === node) return
    if (message.kind === 'bye') {
      heard.delete(message.node)
      events.nodeGone(message.node)
      return
    }
    // A node that was given up, or that was never heard of, has to tell everything again.
    if (!heard.has(message.node) && message.kind !== 'hello' && message.kind !== 'state')
      say({ node, kind: 'hello' })
    heard.set(message.node, performance.now())
    if (message.kind === 'broadcast') events.broadcast(message.message)
    if (message.kind === 'presence') events.presence(message.node, message.change)
    if (message.kind === 'state') events.presenceOf(message.node, new Map(message.rooms))
    if (message.kind === 'hello') say({ node, kind: 'state', rooms: [...events.ownPresence()] })
  }

  function beat(events: NodeEvents): void {
    say({ node, kind: 'alive' })
    for (const [other, at] of heard) {
      if (performance.now() - at < heartbeat.deadAfter) continue
      heard.delete(other)
      events.nodeGone(other)
    }
  }

  return {
    node,
    start: async (events) => {
      await Promise.all([hearing.connect(), speaking.connect()])
      hearing.on('message', (_channel: string, text: string) => {
        try {
          hear(text, events)
        } catch (error) {
          // Whoever else may write into this Redis, or a node of another version, must not end this one.
          log.warn({ problem: messageOf(error) }, 'a message of another node could not be read')
        }
      })
      await hearing.subscribe(channel)
      introduce(events)
      // After a break, both sides may have missed something.
      hearing.on('ready', () => introduce(events))
      timer = setInterval(() => beat(events), heartbeat.every)
      timer.unref()
    },
    broadcast: (message) => say({ node, kind: 'broadcast', message }),
    presence: (change) => say({ node, kind: 'presence', change }),
    stop: async () => {
      clearInterval(timer)
      await speaking.publish(channel, JSON.stringify({ node, kind: 'bye' })).catch(() => undefined)
      hearing.disconnect()
      speaking.disconnect()
    },
  }
}

function createRedisRelay({ project, log }: RedisNodesOptions, connect: Connect): StreamRelay {
  const stream = `plinth:${project}:changes`
  const writing = connect('writing')
  const reading = connect('reading')
  let stopped = false
  let loop: Promise<void> = Promise.resolve()

  async function read(
    from: string,
    receive: Parameters<StreamRelay['start']>[0],
    lost: () => void,
  ): Promise<void> {
    let last = from
    while (!stopped) {
      try {
        const found = await reading.xread('COUNT', 500, 'BLOCK', 5_000, 'STREAMS', stream, last)
        for (const [id, fields] of found?.[0]?.[1] ?? []) {
          last = id
          const { chunk, previous } = decodeChunk(fields[1]!)
          receive(chunk, previous)
        }
      } catch (error) {
        if (stopped) return
        log.warn({ problem: messageOf(error) }, 'the stream of another node broke off')
        lost()
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
  }

  return {
    publish: (chunk, previous) => {
      const text = encodeChunk(chunk, previous)
      writing.xadd(stream, 'MAXLEN', '~', keptChunks, '*', 't', text).catch((error: unknown) => {
        log.warn({ problem: messageOf(error) }, 'other nodes did not get a transaction')
      })
    },
    start: async (receive, lost) => {
      await Promise.all([writing.connect(), reading.connect()])
      const [newest] = await reading.xrevrange(stream, '+', '-', 'COUNT', 1)
      loop = read(newest?.[0] ?? '0-0', receive, lost)
    },
    stop: async () => {
      stopped = true
      reading.disconnect()
      writing.disconnect()
      await loop
    },
  }
}
