import { createHmac, timingSafeEqual } from 'node:crypto'
import { mkdir, open, readFile, rename, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, type Log, messageOf } from '../kernel/index.ts'
import type { ChainHead } from './encode-entries.ts'
import { journalErrors } from './errors.ts'

/** Keeps the ends of all chains outside the database, so that a chain whose end was cut off is noticed. */
export interface HeadsFile {
  /** Takes note of heads that are stored; they are written within a second. */
  note(heads: ReadonlyMap<string, ChainHead>): void
  /** Writes what was noted now. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface HeadsFileOptions {
  /** `<data folder>/journal/<system>`. */
  readonly folder: string
  /** Seals the lines; whoever cannot read the data folder's keys cannot write a line that holds. */
  readonly key: Buffer
  readonly clock: Clock
  readonly log: Log
  /** The file is written anew, with the last head of every chain, when it has so many lines. Default 20,000. */
  readonly mostLines?: number
}

const fileName = 'heads'
const flushMilliseconds = 1_000
const defaultLines = 20_000

interface HeadLine {
  readonly at: string
  /** Tenant, sequence, hash in hexadecimal. */
  readonly heads: readonly (readonly [string, number, string])[]
}

/** Lines of JSON, each followed by an HMAC over itself and the one before: none can be altered, taken out or added. */
export async function openHeadsFile(options: HeadsFileOptions): Promise<HeadsFile> {
  const { folder, key, clock, log, mostLines = defaultLines } = options
  const path = join(folder, fileName)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await readLines(path, key)
  if (found.damaged) log.error({ path }, 'the file of chain heads was altered; it is put aside')
  if (found.damaged) await rename(path, `${path}.altered-${clock.now().getTime()}`)
  // The next line must not continue one that was cut short.
  else if (found.cutShort) await truncate(path, found.wholeBytes)
  let seal = found.seal
  let lines = found.lines
  let noted = new Map<string, ChainHead>()
  let writing: Promise<void> = Promise.resolve()
  const timer = setInterval(() => void flush(), flushMilliseconds)
  timer.unref()

  function flush(): Promise<void> {
    writing = writing.then(write).catch((error: unknown) => {
      log.error({ path, problem: messageOf(error) }, 'the chain heads could not be written')
    })
    return writing
  }

  async function write(): Promise<void> {
    if (noted.size === 0) return
    const heads = noted
    noted = new Map()
    try {
      if (lines >= mostLines) await compact(heads)
      else await append('a', lineOf(heads))
    } catch (error) {
      for (const [tenant, head] of heads) if (!noted.has(tenant)) noted.set(tenant, head)
      throw error
    }
  }

  async function compact(latest: ReadonlyMap<string, ChainHead>): Promise<void> {
    const { heads } = await readLines(path, key)
    for (const [tenant, head] of latest) heads.set(tenant, head)
    const draft = `${path}.new`
    seal = firstSeal
    lines = 0
    await append('w', lineOf(heads), draft)
    await rename(draft, path)
  }

  async function append(flag: 'a' | 'w', line: string, to = path): Promise<void> {
    const sealed = sealLine(key, seal, line)
    const handle = await open(to, flag, 0o600)
    try {
      await handle.write(`${line}\t${sealed}\n`)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    seal = sealed
    lines += 1
  }

  const lineOf = (heads: ReadonlyMap<string, ChainHead>) =>
    JSON.stringify({
      at: clock.now().toISOString(),
      heads: [...heads].map(([tenant, head]) => [tenant, head.sequence, head.hash] as const),
    } satisfies HeadLine)

  return {
    note: (heads) => {
      for (const [tenant, head] of heads) noted.set(tenant, { ...head })
    },
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

/**
 * The last head of every chain as the file has it; empty when there is no file. Fails with `journal_heads_altered`
 * when a line does not hold.
 */
export async function readHeadsFile(folder: string, key: Buffer): Promise<ReadonlyMap<string, ChainHead>> {
  const path = join(folder, fileName)
  const { heads, damaged } = await readLines(path, key)
  if (damaged) throw journalErrors.journal_heads_altered({ file: path, folder: dirname(path) })
  return heads
}

const firstSeal = ''

const sealLine = (key: Buffer, previous: string, line: string) =>
  createHmac('sha256', key).update(previous).update('\n').update(line).digest('base64url')

/** A last line without its end was being written when the power went, and is no damage. */
async function readLines(path: string, key: Buffer) {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const heads = new Map<string, ChainHead>()
  let seal = firstSeal
  let lines = 0
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const extent = { wholeBytes: Buffer.byteLength(whole), cutShort: whole.length < text.length }
  for (const each of whole.split('\n').slice(0, -1)) {
    const [line = '', given = ''] = each.split('\t')
    const expected = sealLine(key, seal, line)
    if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected)))
      return { heads, seal: firstSeal, lines: 0, damaged: true, ...extent }
    for (const [tenant, sequence, hash] of (JSON.parse(line) as HeadLine).heads)
      heads.set(tenant, { sequence, hash })
    seal = expected
    lines += 1
  }
  return { heads, seal, lines, damaged: false, ...extent }
}
