import { mkdir, open, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { createCopy, withFileLock } from '../../journal/index.ts'
import { hasCode, type Log, messageOf } from '../../kernel/index.ts'
import type { Hash } from '../tree/hashing.ts'
import type { Range } from '../tree/nodes.ts'
import { openHead, type SignedHead } from './checkpoint.ts'
import type { NoteVerifier } from './signed-note.ts'

export interface HeadCopiesOptions {
  /** `<data folder>/merkle-logs/<system>`, shared by all nodes of one PostgreSQL. */
  readonly folder: string
  /** A second place, on another disk or machine. Default none. */
  readonly copyFolder?: string | undefined
  readonly name: string
  readonly verifier: NoteVerifier
  readonly log: Log
}

/**
 * A log's signed heads and leaf hashes in two files outside the database. `<log>.heads` has a line of JSON per head;
 * `<log>.leaves` 32 bytes per leaf, written first. A head is only taken when its signature holds.
 */
export interface HeadCopies {
  /** The last head that was copied; undefined before the first. */
  last(): Promise<SignedHead | undefined>
  /** Copies a head, and the leaves that the file does not have yet. What is there already stays. */
  keep(head: SignedHead, readLeaves: (range: Range) => Promise<readonly Hash[]>): Promise<void>
  /** Leaf hashes that were copied. */
  leaves(range: Range): Promise<readonly Hash[]>
  /** What is wrong with the files, or undefined. */
  problem(): string | undefined
}

const hashBytes = 32

export function createHeadCopies({ folder, copyFolder, name, verifier, log }: HeadCopiesOptions): HeadCopies {
  const headsPath = join(folder, `${name}.heads`)
  const leavesPath = join(folder, `${name}.leaves`)
  const headsCopy = createCopy(headsPath, copyFolder, log)
  const leavesCopy = createCopy(leavesPath, copyFolder, log)
  let known: SignedHead | undefined
  /** Bytes of `<log>.heads` that were read, up to the end of the last whole line. */
  let read = 0
  let problem: string | undefined

  /** Reads what other nodes have added. A line that does not hold is not taken: its end was cut off, or somebody altered it. */
  async function catchUp(): Promise<SignedHead | undefined> {
    let text = await readFrom(headsPath, read)
    if (!text) {
      problem = 'the copies of heads were shorter than before'
      read = 0
      text = (await readFrom(headsPath, 0))!
    }
    const end = text.lastIndexOf(10) + 1
    // The last one that holds counts; those before it say nothing more.
    for (const line of text.subarray(0, end).toString().split('\n').slice(0, -1).reverse()) {
      const head = openHead(noteOf(line), verifier)
      if (!head) {
        problem = 'a copy of a head does not hold'
        continue
      }
      if (!known || head.size > known.size) known = head
      break
    }
    read += end
    return known
  }

  async function keep(head: SignedHead, readLeaves: (range: Range) => Promise<readonly Hash[]>) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await withFileLock(headsPath, async () => {
      const copied = (await catchUp())?.size ?? 0
      if (head.size <= copied) return
      const from = Math.min(copied, Math.floor((await sizeOf(leavesPath)) / hashBytes))
      const leaves = Buffer.concat(await readLeaves([from, head.size]))
      await writeAt(leavesPath, from * hashBytes, leaves)
      const line = Buffer.from(`${JSON.stringify({ size: head.size, note: head.note })}\n`)
      await writeAt(headsPath, read, line)
      read += line.length
      known = head
      await leavesCopy.bring(head.size * hashBytes)
      await headsCopy.bring(read)
    })
  }

  return {
    last: catchUp,
    keep: async (head, readLeaves) => {
      try {
        await keep(head, readLeaves)
        if (problem === unwritten) problem = undefined
      } catch (error) {
        problem = unwritten
        log.error({ path: headsPath, problem: messageOf(error) }, 'a head of the log could not be copied')
      }
    },
    leaves: async ([from, until]) => {
      const bytes = (await readFrom(leavesPath, from * hashBytes)) ?? Buffer.alloc(0)
      return Array.from({ length: Math.min(until - from, Math.floor(bytes.length / hashBytes)) }, (_, at) =>
        bytes.subarray(at * hashBytes, (at + 1) * hashBytes),
      )
    },
    problem: () => problem,
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

const unwritten = 'the last head could not be copied'

function noteOf(line: string): string {
  try {
    return String((JSON.parse(line) as { note?: unknown } | null)?.note)
  } catch {
    return ''
  }
}

/** What a file has from an offset on; undefined when it is shorter than that. A file that is not there is empty. */
async function readFrom(path: string, offset: number): Promise<Buffer | undefined> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (!handle) return offset === 0 ? Buffer.alloc(0) : undefined
  try {
    const { size } = await handle.stat()
    if (size < offset) return undefined
    const bytes = Buffer.alloc(size - offset)
    await handle.read(bytes, 0, bytes.length, offset)
    return bytes
  } finally {
    await handle.close()
  }
}

/** Writes at an offset and cuts off what was behind it: the end of a write that was cut short. On the disk when it returns. */
async function writeAt(path: string, offset: number, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'a', 0o600)
  try {
    const { size } = await handle.stat()
    if (size < offset) throw new Error(`${path} is shorter than it was`)
    if (size > offset) await truncate(path, offset)
    await handle.writeFile(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}
