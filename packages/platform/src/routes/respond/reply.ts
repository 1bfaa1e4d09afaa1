import { routeErrors } from '../errors.ts'

/** Data with a status of its own, and headers. */
export class Reply<Data = unknown> {
  readonly status: number
  readonly data: Data
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, data: Data, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.data = data
    this.headers = headers
  }
}

/** Answers with a status that the route declares; `data` is checked against its schema. */
export const reply = <Data>(status: number, data: Data, headers?: Readonly<Record<string, string>>) =>
  new Reply(status, data, headers)

export interface FileOptions {
  /** Media type: `text/calendar; charset=utf-8`, `application/pdf`. */
  readonly type: string
  /** Name that a browser saves it under. */
  readonly name: string
  /** True: a browser shows it instead of saving it; pages and drawings then run no scripts. Default false. */
  readonly inline?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers with a file: bytes, text, or a stream that is read as fast as the client takes it. */
export function sendFile(
  body: Uint8Array<ArrayBuffer> | string | ReadableStream | Blob,
  options: FileOptions,
): Response {
  const { type, name, inline = false, headers } = options
  return new Response(body, {
    headers: {
      'content-type': type,
      'content-disposition': `${inline ? 'inline' : 'attachment'}; ${fileName(name)}`,
      ...(inline ? { 'content-security-policy': 'sandbox' } : {}),
      ...headers,
    },
  })
}

/** RFC 6266: a plain name for old clients, and the true one in UTF-8. */
function fileName(name: string): string {
  const plain = name.replace(/[^\w. -]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename="${plain}"; filename*=UTF-8''${encoded}`
}

/**
 * Sends the client elsewhere: a path of this server or an http address. Default 303, which a browser follows by GET.
 * Fails with `invalid_redirect` for `javascript:` and the like, and for `//host`, which looks like a path.
 */
export function redirect(location: string, status: 301 | 302 | 303 | 307 | 308 = 303): Response {
  const isPath = /^\/(?![/\\])/.test(location)
  const isAddress = URL.canParse(location) && /^https?:$/.test(new URL(location).protocol)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!(isPath || isAddress) || /[\x00-\x20\x7f]/.test(location)) throw routeErrors.invalid_redirect()
  return new Response(null, { status, headers: { location } })
}
