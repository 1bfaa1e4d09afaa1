import type { ByteRange } from '../bytes/byte-store.ts'

/** What a request asks of a representation (RFC 9110, 13 and 14). */
export interface ConditionHeaders {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly ifUnmodifiedSince: string | undefined
  readonly ifRange: string | undefined
  readonly range: string | undefined
}

/** The representation that there is. */
export interface Representation {
  /** With its quotes. */
  readonly eTag: string
  readonly lastModified: Date
  /** Bytes. */
  readonly size: number
}

export type Outcome =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'not modified' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'outside' }

/** Which answer a GET or HEAD gets; the order is that of RFC 9110, 13.2.2. */
export function decideOutcome(asked: ConditionHeaders, found: Representation): Outcome {
  if (asked.ifMatch !== undefined) {
    if (!listsTag(asked.ifMatch, found.eTag)) return { kind: 'failed' }
  } else if (asked.ifUnmodifiedSince !== undefined && isAfter(found.lastModified, asked.ifUnmodifiedSince)) {
    return { kind: 'failed' }
  }
  if (asked.ifNoneMatch !== undefined) {
    if (listsTag(asked.ifNoneMatch, found.eTag)) return { kind: 'not modified' }
  } else if (asked.ifModifiedSince !== undefined && isNotAfter(found.lastModified, asked.ifModifiedSince)) {
    return { kind: 'not modified' }
  }
  if (asked.range === undefined || !holdsFor(asked.ifRange, found)) return { kind: 'whole' }
  return readRange(asked.range, found.size)
}

/** One range of bytes; what is none, or several, is answered as a whole, which RFC 9110, 14.2 allows. */
function readRange(header: string, size: number): Outcome {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header) ?? []
  if (first === '' && last === '') return { kind: 'whole' }
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? { kind: 'outside' } : part(size - length, size - 1)
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return { kind: 'whole' }
  return start >= size ? { kind: 'outside' } : part(start, end)
}

const part = (start: number, end: number): Outcome => ({ kind: 'part', range: { start, end } })

/** Weak and strong tags compare alike: ours are strong. */
const listsTag = (header: string, eTag: string): boolean =>
  header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === eTag)

function holdsFor(ifRange: string | undefined, { eTag, lastModified }: Representation): boolean {
  if (ifRange === undefined) return true
  if (ifRange.trim().startsWith('"')) return ifRange.trim() === eTag
  return secondsOf(ifRange) === Math.floor(lastModified.getTime() / 1_000)
}

/** HTTP dates have whole seconds; one that cannot be read is passed over. */
const secondsOf = (header: string): number => Math.floor(Date.parse(header) / 1_000)

const isAfter = (instant: Date, header: string): boolean =>
  Math.floor(instant.getTime() / 1_000) > secondsOf(header)

const isNotAfter = (instant: Date, header: string): boolean =>
  Math.floor(instant.getTime() / 1_000) <= secondsOf(header)
