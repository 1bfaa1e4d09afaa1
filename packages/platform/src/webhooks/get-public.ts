import { lookup } from 'node:dns'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { webhookErrors } from './errors.ts'
import { publicLookup } from './post-webhook.ts'
import { isPrivateHost } from './public-addresses.ts'

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Longer answers are refused. Bytes. */
  readonly mostBytes: number
  /** Allows private, local and reserved addresses. */
  readonly privateAddresses: boolean
  readonly signal: AbortSignal
  /** How names become addresses. Default: as the machine does. */
  readonly resolve?: typeof lookup
}

export interface Got {
  readonly status: number
  readonly etag: string | undefined
  readonly body: string
}

const mostRedirects = 3
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * Reads a URL that somebody gave us, without being led into our own network: addresses are checked where the connection is
 * made, redirects are followed three times and checked alike, and nothing but http and https is spoken. Fails with
 * `webhook_url_invalid` or `webhook_address_private`, and with plain errors of the network.
 */
export async function getPublic(url: string, options: GetOptions): Promise<Got> {
  let address = url
  for (let hop = 0; hop <= mostRedirects; hop += 1) {
    const answer = await ask(address, options)
    const { location } = answer.headers
    if (!redirects.has(answer.statusCode!) || location === undefined) return read(answer, options.mostBytes)
    answer.destroy()
    address = new URL(location, address).href
  }
  throw new Error(`more than ${mostRedirects} redirects`)
}

function ask(url: string, options: GetOptions): Promise<IncomingMessage> {
  const { headers = {}, privateAddresses, signal, resolve: lookUp = lookup } = options
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username !== '')
    return Promise.reject(webhookErrors.webhook_url_invalid({ url }))
  if (!privateAddresses && isPrivateHost(parsed.hostname))
    return Promise.reject(webhookErrors.webhook_address_private({ host: parsed.hostname }))
  const request = parsed.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    request(url, {
      headers,
      agent: false,
      signal,
      ...(privateAddresses ? {} : { lookup: publicLookup(lookUp) }),
    })
      .on('error', reject)
      .on('response', resolve)
      .end()
  })
}

async function read(answer: IncomingMessage, mostBytes: number): Promise<Got> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) {
      answer.destroy()
      throw new Error(`it is longer than ${mostBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return {
    status: answer.statusCode!,
    etag: answer.headers.etag,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}
