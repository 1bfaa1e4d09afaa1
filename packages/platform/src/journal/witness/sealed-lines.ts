import { createHmac, timingSafeEqual } from 'node:crypto'
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../../kernel/index.ts'

/** What a file of sealed lines holds, from an offset on. */
export interface SealedContent {
  readonly lines: readonly string[]
  /** Seal of the last line that holds. */
  readonly seal: string
  /** Bytes up to the end of the last whole line. */
  readonly bytes: number
  /** A line that does not hold: altered, taken out, put in, or sealed with another key. */
  readonly isDamaged: boolean
}

export const firstSeal = ''

/** How many lines back a line of a process that was held up may continue. */
const most = 100

const isSeal = (given: string, expected: string): boolean =>
  given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))

/** Seals a line with the one before it. */
const sealLine = (key: Buffer, previous: string, line: string): string =>
  createHmac('sha256', key).update(previous).update('\n').update(line).digest('base64url')

/**
 * Reads a file from where it was read before. A last line without its end was being written when the power went: it is no
 * damage, and not read. Empty when there is no file.
 */
export async function readSealedLines(
  path: string,
  key: Buffer,
  from: { readonly seal: string; readonly bytes: number } = { seal: firstSeal, bytes: 0 },
): Promise<SealedContent> {
  const whole = await readFile(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return Buffer.alloc(0)
    throw error
  })
  // Shorter than it was: somebody put an older copy in its place.
  if (whole.length < from.bytes) return { lines: [], ...from, isDamaged: true }
  const end = whole.lastIndexOf('\n') + 1
  const text = whole.subarray(from.bytes, Math.max(end, from.bytes)).toString()
  const lines: string[] = []
  /** Seals that a process may still continue that was held up while others went on. */
  const recent = [from.seal]
  let { seal, bytes } = from
  for (const each of text.split('\n').slice(0, -1)) {
    const cut = each.lastIndexOf('\t')
    const line = each.slice(0, cut)
    const given = each.slice(cut + 1)
    const continued = recent.findLast((before) => isSeal(given, sealLine(key, before, line)))
    if (cut < 0 || continued === undefined) return { lines, seal, bytes, isDamaged: true }
    bytes += Buffer.byteLength(each) + 1
    // Whoever wrote this was overtaken: it says nothing any more.
    if (continued !== seal) continue
    lines.push(line)
    seal = given
    recent.push(seal)
    if (recent.length > most) recent.shift()
  }
  return { lines, seal, bytes, isDamaged: false }
}

/** Appends lines after a seal. `isDurable`: they are on the disk when this returns, not only with the kernel. */
export async function appendSealedLines(
  path: string,
  key: Buffer,
  after: { readonly seal: string; readonly bytes: number },
  lines: readonly string[],
  isDurable: boolean,
): Promise<{ readonly seal: string; readonly bytes: number }> {
  let { seal } = after
  let text = ''
  for (const line of lines) {
    seal = sealLine(key, seal, line)
    text += `${line}\t${seal}\n`
  }
  // What follows the last whole line was cut short by the end of a process.
  const size = await sizeOf(path)
  if (size > after.bytes) await truncate(path, after.bytes)
  const handle = await open(path, 'a', 0o600)
  try {
    await handle.writeFile(text)
    if (isDurable) await handle.datasync()
  } finally {
    await handle.close()
  }
  return { seal, bytes: after.bytes + Buffer.byteLength(text) }
}

/** Puts a new file in the place of another one, whole or not at all. */
export async function replaceSealedLines(path: string, key: Buffer, lines: readonly string[]) {
  const draft = `${path}.new`
  await rm(draft, { force: true })
  const end = await appendSealedLines(draft, key, { seal: firstSeal, bytes: 0 }, lines, true)
  await rename(draft, path)
  return end
}

export const sizeOf = async (path: string): Promise<number> => (await look(path)).size

/** What tells whether a file is the one that was read, and as long: one that was written anew has another number. */
export const look = (path: string): Promise<{ readonly size: number; readonly ino: number }> =>
  stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return { size: 0, ino: 0 }
    throw error
  })

const lockPatience = 10_000
const lockPause = 20

/** Runs `work` while no other process writes to the file. A lock whose owner died is taken over after ten seconds. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`
  for (let waited = 0; ; waited += lockPause) {
    try {
      await (await open(lock, 'wx', 0o600)).close()
      break
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
    if (waited >= lockPatience) await rm(lock, { force: true })
    await delay(lockPause)
  }
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}
