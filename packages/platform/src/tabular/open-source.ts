import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { messageOf } from '../kernel/index.ts'
import { tabularErrors } from './errors.ts'
import { type OpenWorkbook, openWorkbook } from './workbook/open-workbook.ts'
import { WorkbookProblem } from './workbook/workbook-problem.ts'

/** A path, or bytes from anywhere. */
export type TabularSource = string | Readable

/** An opened source: plain bytes, whatever it was packed in. */
export interface OpenedSource {
  /** How messages call it: the path, or `the stream`. */
  readonly name: string
  /** The stages to put at the head of a `pipeline`. */
  readonly stages: readonly [Readable, ...NodeJS.ReadWriteStream[]]
  /** Size as stored (compressed); null for a stream. */
  readonly totalBytes: number | null
  /** How much was read of it so far, as stored. */
  readBytes(): number
  /** Opens it as a workbook; undefined for text. */
  readonly openWorkbook?: () => Promise<OpenWorkbook>
}

/**
 * Opens a source of CSV or a workbook (XLSX); what it is, and gzip, is recognised by its first bytes, whatever the file is called.
 * Fails with `import_source_missing`, `import_source_empty`, `import_source_encoding`.
 */
export async function openSource(source: TabularSource): Promise<OpenedSource> {
  const name = nameOf(source)
  const { raw, totalBytes } = await openRaw(source, name)
  const chunks = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  const head = await readHead(chunks, name)
  if (head.length === 0) throw tabularErrors.import_source_empty({ source: name })
  const encoding = foreignEncoding(head)
  if (encoding) {
    raw.destroy()
    throw tabularErrors.import_source_encoding({ source: name, encoding })
  }
  let readBytes = 0
  const count = (chunk: Buffer) => {
    readBytes += chunk.length
    return chunk
  }
  const bytes = resume(head, chunks, count)
  if (isZip(head)) {
    // A workbook is read from its end: a path is opened anew, bytes that come are held.
    if (typeof source === 'string') raw.destroy()
    const onRead = (length: number) => {
      if (typeof source === 'string') readBytes += length
    }
    return {
      name,
      stages: [Readable.from([])],
      totalBytes,
      readBytes: () => readBytes,
      openWorkbook: () => openWorkbook(typeof source === 'string' ? source : bytes, onRead),
    }
  }
  const counted = Readable.from(bytes, { objectMode: false })
  counted.once('close', () => raw.destroy())
  return {
    name,
    stages: isGzip(head) ? [counted, createGunzip()] : [counted],
    totalBytes,
    readBytes: () => readBytes,
  }
}

/** What a failure inside the pipeline of a source means to whoever gave the source. */
export function explainSourceFailure(error: unknown, source: string): unknown {
  if (error instanceof WorkbookProblem)
    return tabularErrors.import_workbook_unreadable({ source, problem: error.message }, error)
  const code = (error as { code?: string } | null)?.code ?? ''
  if (code === 'Z_BUF_ERROR') {
    const problem = 'ends in the middle of its data'
    return tabularErrors.import_source_damaged({ source, problem }, error)
  }
  if (code.startsWith('Z_')) {
    return tabularErrors.import_source_damaged({ source, problem: `is damaged (${messageOf(error)})` }, error)
  }
  if (/^E[A-Z]+$/.test(code)) {
    return tabularErrors.import_source_missing({ source, problem: messageOf(error) }, error)
  }
  return error
}

const nameOf = (source: TabularSource) => (typeof source === 'string' ? source : 'the stream')

async function openRaw(source: TabularSource, name: string) {
  if (typeof source !== 'string') return { raw: source, totalBytes: null }
  try {
    const { size } = await stat(source)
    return { raw: createReadStream(source), totalBytes: size }
  } catch (error) {
    throw explainSourceFailure(error, name)
  }
}

/** Enough bytes to recognise what it is. */
async function readHead(chunks: AsyncIterator<Buffer | string>, name: string): Promise<Buffer> {
  let head = Buffer.alloc(0)
  try {
    while (head.length < 4) {
      const { value, done } = await chunks.next()
      if (done) break
      head = Buffer.concat([head, toBuffer(value)])
    }
  } catch (error) {
    throw explainSourceFailure(error, name)
  }
  return head
}

async function* resume(
  head: Buffer,
  chunks: AsyncIterator<Buffer | string>,
  count: (chunk: Buffer) => Buffer,
): AsyncGenerator<Buffer> {
  yield count(head)
  for (;;) {
    const { value, done } = await chunks.next()
    if (done) return
    yield count(toBuffer(value))
  }
}

const toBuffer = (chunk: Buffer | string) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)

const isZip = (head: Buffer) => head.subarray(0, 4).equals(Buffer.from('PK\u0003\u0004'))

const isGzip = (head: Buffer) => head[0] === 0x1f && head[1] === 0x8b

function foreignEncoding(head: Buffer): string | undefined {
  if (head.subarray(0, 2).equals(Buffer.from([0xff, 0xfe]))) return 'UTF-16 text'
  if (head.subarray(0, 2).equals(Buffer.from([0xfe, 0xff]))) return 'UTF-16 text'
  if (head.subarray(0, 4).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0])))
    return 'an old Excel workbook (.xls) or one with a password'
  return undefined
}
