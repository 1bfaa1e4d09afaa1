import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

type Encoding = 'br' | 'gzip'

/** Smaller answers fit into one packet as they are. Bytes. */
const least = 1_400
/** A body that comes in parts is kept back up to here. Bytes. */
const mostInParts = 8 * 1024 * 1024
const compressible = /^(text\/(?!event-stream)|application\/(json|javascript|xml|[\w.-]+\+(json|xml)))/i

const compressors: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, brotliSettings(bytes.length)),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 5 }),
}

/** Quality 4 takes about as long as gzip and packs better; past a megabyte the time counts more. */
const brotliSettings = (size: number) => ({
  params: {
    [constants.BROTLI_PARAM_QUALITY]: size > 1_000_000 ? 1 : 4,
    [constants.BROTLI_PARAM_SIZE_HINT]: size,
  },
})

/** Node's side of an answer, as far as it is used here. */
type Outgoing = ServerResponse

/**
 * Makes an answer whose length is known go out compressed where the client takes it and it pays. Node's side is held back
 * instead of the Response, which would have to be built and copied. The work is done on Node's thread pool; streams go
 * out as they are.
 */
export function compressAnswer(accepted: string | undefined, outgoing: Outgoing | undefined): void {
  const encoding = accepted === undefined ? undefined : chooseEncoding(accepted)
  if (encoding && outgoing) new HeldAnswer(outgoing, encoding).hold()
}

/** What `writeHead` was called with. */
interface Head {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
}

class HeldAnswer {
  readonly #outgoing: Outgoing
  readonly #encoding: Encoding
  readonly #own: Pick<Outgoing, 'writeHead' | 'flushHeaders' | 'write' | 'end'>
  readonly #chunks: Buffer[] = []
  #head: Head | undefined

  constructor(outgoing: Outgoing, encoding: Encoding) {
    const { writeHead, flushHeaders, write, end } = outgoing
    this.#own = { writeHead, flushHeaders, write, end }
    this.#outgoing = outgoing
    this.#encoding = encoding
  }

  /** Takes the place of the methods by which @hono/node-server writes. */
  hold(): void {
    const outgoing = this.#outgoing
    outgoing.writeHead = ((status: number, headers: OutgoingHttpHeaders = {}) => {
      if (!pays(status, headers)) return this.#release().writeHead(status, headers)
      this.#head = { status, headers }
      return outgoing
    }) as Outgoing['writeHead']
    outgoing.flushHeaders = () => this.#letGo().flushHeaders()
    outgoing.write = ((...given: Parameters<Outgoing['write']>) => {
      if (!this.#isWhole()) return this.#letGo().write(...given)
      this.#chunks.push(toBuffer(given[0]))
      return true
    }) as Outgoing['write']
    outgoing.end = ((...given: Parameters<Outgoing['end']>) => {
      if (!this.#head) return this.#release().end(...given)
      if (given[0] !== undefined && given[0] !== null) this.#chunks.push(toBuffer(given[0]))
      this.#finish(this.#head).catch((error: Error) => outgoing.destroy(error))
      return outgoing
    }) as Outgoing['end']
  }

  /** True while the parts add up to a body whose length the head says, small enough to be kept. */
  #isWhole(): boolean {
    const length = this.#head && headerOf(this.#head.headers, 'content-length')
    return length !== undefined && Number(length) <= mostInParts
  }

  /** Gives Node's own methods back. */
  #release(): Outgoing {
    return Object.assign(this.#outgoing, this.#own)
  }

  /** Sends on what was held, as it is. */
  #letGo(): Outgoing {
    const outgoing = this.#release()
    if (this.#head) outgoing.writeHead(this.#head.status, this.#head.headers)
    for (const chunk of this.#chunks.splice(0)) outgoing.write(chunk)
    return outgoing
  }

  async #finish({ status, headers }: Head): Promise<void> {
    const outgoing = this.#release()
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    const packed = body.length < least ? body : await compressors[this.#encoding](body)
    const isSmaller = packed.length < body.length
    outgoing.writeHead(status, headersFor(headers, outgoing, isSmaller && this.#encoding, packed))
    if (body.length > 0) outgoing.end(isSmaller ? packed : body)
    else outgoing.end()
  }
}

function pays(status: number, headers: OutgoingHttpHeaders): boolean {
  const type = String(headerOf(headers, 'content-type') ?? '')
  const isPlain = ['content-encoding', 'content-range', 'etag'].every(
    (name) => headerOf(headers, name) === undefined,
  )
  const mayChange = !String(headerOf(headers, 'cache-control') ?? '').includes('no-transform')
  return status >= 200 && status !== 204 && status !== 304 && compressible.test(type) && isPlain && mayChange
}

/** A cache has to keep the answers of both kinds of clients apart, also where this one went out as it is. */
function headersFor(
  given: OutgoingHttpHeaders,
  outgoing: Outgoing,
  encoding: Encoding | false,
  { length }: Buffer,
): OutgoingHttpHeaders {
  const vary = [headerOf(given, 'vary') ?? outgoing.getHeader('vary') ?? [], 'Accept-Encoding']
    .flat()
    .join(', ')
  const headers = { ...without(given, 'vary'), vary }
  if (!encoding) return headers
  return { ...without(headers, 'content-length'), 'content-encoding': encoding, 'content-length': length }
}

/** As Node types it, a chunk may be anything; it is text or bytes. */
const toBuffer = (chunk: string | Uint8Array): Buffer =>
  typeof chunk === 'string'
    ? Buffer.from(chunk)
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)

function headerOf(headers: OutgoingHttpHeaders, name: string): OutgoingHttpHeader | undefined {
  const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name)
  return key === undefined ? undefined : headers[key]
}

const without = (headers: OutgoingHttpHeaders, name: string): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name))

/** The best encoding that `Accept-Encoding` allows; brotli first, because it packs better. Undefined for none. */
function chooseEncoding(accepted: string): Encoding | undefined {
  const refused = new Set<string>()
  const taken = new Set<string>()
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    ;(weight !== undefined && Number(weight.slice(2)) === 0 ? refused : taken).add(name)
  }
  const takes = (name: string) => taken.has(name) || (taken.has('*') && !refused.has(name))
  return (['br', 'gzip'] as const).find(takes)
}
