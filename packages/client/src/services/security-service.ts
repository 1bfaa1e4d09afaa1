import { trimSlashes } from '../trim-slashes.ts'

/** Kinds of calls with a limit of their own, and single endpoints. */
export interface LimitSettings {
  /** Calls of any endpoint. Default 10 in 60 s. */
  readonly api?: Limit
  /** Messages. Default 20 in 60 s. */
  readonly chat?: Limit
  /** Files. Default 10 in 60 s. */
  readonly upload?: Limit
  /** By path, instead of `api`. */
  readonly endpoints?: Readonly<Record<string, Limit>>
}

export interface Limit {
  readonly calls: number
  readonly seconds: number
}

export interface RateLimits {
  /** Counts a call; gives the seconds to wait when there have been too many, else 0. What is refused is not counted. */
  take(kind: 'api' | 'chat' | 'upload', endpoint?: string): number
}

/** Limits of this device, so that an app does not run into those of the server; the window slides. */
export function createRateLimits(settings: LimitSettings = {}, now: () => number = Date.now): RateLimits {
  const limits = {
    api: { calls: 10, seconds: 60 },
    chat: { calls: 20, seconds: 60 },
    upload: { calls: 10, seconds: 60 },
    ...settings,
  }
  const taken = new Map<string, number[]>()
  return {
    take: (kind, endpoint) => {
      const own = endpoint !== undefined && Object.hasOwn(limits.endpoints ?? {}, endpoint)
      const { calls, seconds } = own ? limits.endpoints![endpoint]! : limits[kind]
      const name = own ? `endpoint ${endpoint}` : kind
      const since = now() - seconds * 1_000
      const times = (taken.get(name) ?? []).filter((time) => time > since)
      taken.set(name, times)
      if (times.length >= calls) return Math.max(1, Math.ceil((times[times.length - calls]! - since) / 1_000))
      times.push(now())
      return 0
    },
  }
}

/** A call that was not made because of a limit of this device. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError'
  readonly code = 'too_many_requests'
  readonly status = 429
  /** Seconds. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super(`Too many requests. Try again in ${retryAfter} seconds.`)
    this.retryAfter = retryAfter
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * A text for HTML, between tags or in a quoted attribute. Texts are stored as people write them and encoded where they
 * are shown; frameworks do that by themselves.
 */
export const encodeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character]!)

/** An address that may stand in `href` or `src`: http, https, mailto and tel; else `about:blank`. */
export function safeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && ['http:', 'https:', 'mailto:', 'tel:'].includes(url.protocol) ? url.href : 'about:blank'
}

/** What a text looks like, for a log: it is stored all the same, because it cannot do anything. */
export function suspicionsOf(text: string): readonly ('script' | 'sql')[] {
  const script = /<\s*(script|iframe|object|embed|svg)\b|\bon\w{3,20}\s*=|javascript:/i.test(text)
  const sql =
    /('|;|\b)\s*(or|and)\s+['\d]+\s*=\s*['\d]+|;\s*(drop|delete|insert|update|alter)\s|\bunion\s+(all\s+)?select\b|--\s*$/i.test(
      text,
    )
  return [...(script ? ['script' as const] : []), ...(sql ? ['sql' as const] : [])]
}

export interface UploadRules {
  /** Bytes. Default 10 MiB. */
  readonly maxBytes?: number
  /** Media types; `image/*` for all of a kind. Default images. */
  readonly types?: readonly string[]
}

/** What is looked at of a file before it is sent. */
export interface UploadFile {
  readonly name: string
  readonly size: number
  readonly type: string
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

const signatures: readonly (readonly [type: string, offset: number, bytes: readonly number[]])[] = [
  ['image/jpeg', 0, [0xff, 0xd8, 0xff]],
  ['image/png', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['image/gif', 0, [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', 8, [0x57, 0x45, 0x42, 0x50]],
  ['image/avif', 4, [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66]],
  ['application/pdf', 0, [0x25, 0x50, 0x44, 0x46]],
  ['video/webm', 0, [0x1a, 0x45, 0xdf, 0xa3]],
  ['video/mp4', 4, [0x66, 0x74, 0x79, 0x70]],
]

/**
 * Says what is wrong with a file: its size, its type, or a content that is not of its type. Null when nothing is. The
 * server looks again: this saves people an upload that would be refused.
 */
export async function checkUpload(
  file: UploadFile,
  { maxBytes = 10 * 1_048_576, types = ['image/*'] }: UploadRules = {},
): Promise<string | null> {
  if (file.size === 0) return 'The file is empty.'
  if (file.size > maxBytes) return `The file is larger than ${Math.floor(maxBytes / 1_048_576)} MB.`
  const isAllowed = types.some((type) =>
    type.endsWith('/*') ? file.type.startsWith(type.slice(0, -1)) : file.type === type,
  )
  if (!isAllowed) return `Files of this type are not taken: ${file.type || 'unknown'}.`
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer())
  const known = signatures.filter(([type]) => type === file.type)
  const fits = known.some(([, offset, bytes]) => bytes.every((byte, index) => head[offset + index] === byte))
  return known.length > 0 && !fits ? `The file is not what its name says: ${file.type}.` : null
}

/** A path for a file: a UUID and the ending of its name, so that no name of a person's is in an address. */
export function uploadPath(
  folder: string,
  file: Pick<UploadFile, 'name'>,
  newId: () => string = () => crypto.randomUUID(),
): string {
  const ending = /\.([a-z\d]{1,8})$/i.exec(file.name)?.[1]?.toLowerCase()
  return `${trimSlashes(folder, 'both')}/${newId()}${ending ? `.${ending}` : ''}`
}

/** The CSRF token of a session in cookies: read once, sent with each request that changes something. */
export interface CsrfToken {
  /** Null when there is no session in cookies. */
  get(): Promise<string | null>
  /** The session has changed. */
  forget(): void
}

/** Reads the token where the system gives it out, `/auth/csrf` for one with sessions in cookies. */
export function createCsrfToken(read: () => Promise<string | null>): CsrfToken {
  let token: Promise<string | null> | undefined
  return {
    get: () => {
      token ??= read().catch((error: unknown) => {
        token = undefined
        throw error
      })
      return token
    },
    forget: () => {
      token = undefined
    },
  }
}

/** Ends a session that nobody uses. */
export interface IdleTimer {
  /** Somebody did something. */
  touch(): void
  stop(): void
}

/** Calls `idle` once when nothing was done for so long. Default 60 minutes. */
export function createIdleTimer(idle: () => void, minutes = 60): IdleTimer {
  let timer: ReturnType<typeof setTimeout> | undefined
  const touch = (): void => {
    clearTimeout(timer)
    timer = setTimeout(idle, minutes * 60_000)
  }
  touch()
  return { touch, stop: () => clearTimeout(timer) }
}
