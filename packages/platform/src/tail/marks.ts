import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { newId } from '../kernel/index.ts'
import { tailErrors } from './errors.ts'
import { parsePosition } from './position.ts'
import type { Following } from './stream/follow-stream.ts'
import type { StreamedChunk } from './stream/streamed-chunk.ts'
import { markMessagePrefix, type Tail } from './tail.ts'

/** Waits for marks that are written into the WAL to come by in the stream, and for what was before them to be stored. */
export interface Marks extends Pick<Tail, 'synchronise' | 'settle' | 'writeMark'> {
  /** A chunk was handed over: whoever waits for a mark in it is told. */
  pass(chunk: StreamedChunk): void
  /** Resolves when `work` does. Fails with `tail_timeout` when that takes longer. */
  within<T>(work: Promise<T>, milliseconds: number): Promise<T>
}

export interface MarksOptions {
  readonly database: ProjectDatabase
  /** The stream while this process holds it. */
  stream(): Following | null
  /** True while a stream that is not held is being taken, or taken again. */
  isComing(): boolean
  /** True while a consumer does not follow without which nothing counts as settled. */
  isIncomplete(): boolean
}

const defaultTimeout = 10_000
const lookMilliseconds = 20

export function createMarks({ database, stream, isComing, isIncomplete }: MarksOptions): Marks {
  const awaited = new Map<string, (position: string) => void>()

  async function writeMark(content = newId()): Promise<string> {
    await database.asOwner(
      sql`select pg_catalog.pg_logical_emit_message(true, ${markMessagePrefix}, ${content}::text)`,
    )
    return content
  }

  async function synchronise(timeout = defaultTimeout): Promise<string> {
    const until = performance.now() + timeout
    await requireStream(until)
    const content = newId()
    const { promise, resolve } = Promise.withResolvers<string>()
    awaited.set(content, resolve)
    try {
      await writeMark(content)
      return await within(promise, until - performance.now())
    } finally {
      awaited.delete(content)
    }
  }

  async function settle(timeout = defaultTimeout): Promise<string> {
    const until = performance.now() + timeout
    const reached = await synchronise(timeout)
    await within(store(parsePosition(reached), until), until - performance.now())
    return reached
  }

  /**
   * Resolves when everything up to a position is stored. A stream that is taken again in between has to come to it again, so
   * that a consumer that was behind has stored it as well.
   */
  async function store(upTo: bigint, until: number): Promise<void> {
    while (performance.now() < until) {
      const held = await requireStream(until)
      const isStored =
        held.received() >= upTo &&
        (await held.drain().then(
          () => stream() === held && !isIncomplete(),
          () => false,
        ))
      if (isStored) return
      await wait(lookMilliseconds)
    }
    throw tooLate(0)
  }

  /** A stream that is being taken, or taken again, is waited for; one that another node holds is not. */
  async function requireStream(until: number): Promise<Following> {
    const began = performance.now()
    for (;;) {
      const held = stream()
      if (held) return held
      if (!isComing()) throw tailErrors.tail_not_held({ system: database.system })
      if (performance.now() > until) throw tooLate(until - began)
      await wait(lookMilliseconds)
    }
  }

  async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
    const timer = new AbortController()
    const timeout = wait(Math.max(milliseconds, 1), undefined, { signal: timer.signal }).then(
      () => {
        throw tooLate(milliseconds)
      },
      () => new Promise<never>(() => undefined),
    )
    try {
      return await Promise.race([work, timeout])
    } finally {
      timer.abort()
    }
  }

  const tooLate = (milliseconds: number) =>
    tailErrors.tail_timeout({ system: database.system, milliseconds: Math.round(milliseconds) })

  return {
    writeMark: () => writeMark(),
    synchronise,
    settle,
    within,
    pass: ({ messages, transaction }) => {
      for (const { prefix, content } of messages) {
        if (prefix === markMessagePrefix) awaited.get(content.toString())?.(transaction.position)
      }
    },
  }
}
