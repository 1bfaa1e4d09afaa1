import { routeErrors } from '../errors.ts'
import { readFields } from './read-fields.ts'
import { readJson } from './read-json.ts'

/**
 * Kinds of bodies. `json`: `application/json`, `…+json`, and for clients that do not say, `text/plain` and nothing at
 * all. `form`: `application/x-www-form-urlencoded`, by field a text or a list of texts. `multipart`: the same with `File`s.
 * `text`: any `text/…` in UTF-8, as a string. `bytes`: whatever the other kinds do not take, as a Uint8Array.
 */
export type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'bytes'

export const defaultKinds: readonly BodyKind[] = ['json', 'form', 'multipart']

export interface BodyOptions {
  /** Of the route, for messages. */
  readonly name: string
  readonly accepts: readonly BodyKind[]
  /** Most values in JSON. */
  readonly valueLimit: number
}

const readable: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  text: 'text/plain',
  bytes: 'any other type',
}

/** Fields and parts of one form. */
const mostFields = 1_000
const mostParts = 100

/** Fails with `unsupported_encoding` for a packed body, which could be far larger than what was sent. */
export function requirePlainBody(contentEncoding: string | undefined): void {
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== 'identity')
    throw routeErrors.unsupported_encoding()
}

/**
 * What a body says, by its content type. Fails with `unsupported_media_type`, `invalid_json`, `invalid_form` or
 * `too_many_values`.
 */
export async function readBody(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string | undefined,
  { name, accepts, valueLimit }: BodyOptions,
): Promise<unknown> {
  const kind = kindOf(contentType ?? '', accepts)
  if (!kind) {
    const accepted = accepts.map((accepted) => readable[accepted]).join(', ')
    throw routeErrors.unsupported_media_type({ name, accepted })
  }
  if (kind === 'bytes') return bytes
  if (kind === 'text') return decodeText(bytes)
  if (kind === 'form') return readFields(decodeText(bytes), mostFields)
  if (kind === 'multipart') return readParts(bytes, contentType!)
  return readJson(bytes, valueLimit)
}

const mediaType = /^\s*([\w.!#$&^-]+\/[\w.!#$&^+-]+)\s*(?:;|$)/
const otherCharset = /;\s*charset\s*=\s*"?(?!utf-8|us-ascii)/i

function kindOf(contentType: string, accepts: readonly BodyKind[]): BodyKind | undefined {
  const type = mediaType.exec(contentType)?.[1]?.toLowerCase() ?? ''
  const isUnknown = contentType.trim() !== '' && type === ''
  const takes = (kind: BodyKind) => accepts.includes(kind)
  if (isUnknown) return undefined
  if (type === 'application/x-www-form-urlencoded' && takes('form')) return 'form'
  if (type === 'multipart/form-data' && takes('multipart')) return 'multipart'
  const isText = type.startsWith('text/')
  if (isText && takes('text') && !otherCharset.test(contentType)) return 'text'
  const isJson = type === 'application/json' || type.endsWith('+json') || type === 'text/plain' || type === ''
  if (isJson && takes('json') && !otherCharset.test(contentType)) return 'json'
  return takes('bytes') ? 'bytes' : undefined
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw routeErrors.invalid_form({}, cause)
  }
}

/** Parts are counted before they are taken apart: each costs far more than its bytes. */
async function readParts(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<Readonly<Record<string, unknown>>> {
  const boundary = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType)
  const mark = boundary && `--${boundary[1] ?? boundary[2]}`
  if (!mark) throw routeErrors.invalid_form()
  requireFewParts(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), mark)
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
    const names = [...new Set(form.keys())]
    return Object.fromEntries(
      names.map((name) => {
        const values = form.getAll(name)
        return [name, values.length > 1 ? values : values[0]]
      }),
    )
  } catch (cause) {
    throw routeErrors.invalid_form({}, cause)
  }
}

function requireFewParts(bytes: Buffer, mark: string): void {
  let marks = 0
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) {
    marks += 1
    if (marks > mostParts + 1) throw routeErrors.too_many_values({ limit: mostParts, things: 'parts' })
  }
}
