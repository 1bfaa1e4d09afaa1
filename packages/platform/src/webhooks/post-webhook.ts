import { type LookupAddress, lookup } from 'node:dns'
import { type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { webhookErrors } from './errors.ts'
import { isPrivateHost, isPublicAddress } from './public-addresses.ts'

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** Allows private, local and reserved addresses. */
  readonly privateAddresses: boolean
  readonly signal: AbortSignal
  /** How names become addresses. Default: as the machine does. */
  readonly resolve?: typeof lookup
}

/**
 * Posts to a URL and gives the status. The address that a name resolves to is checked where the connection is made to
 * it, so that a name cannot show one address and lead to another; redirects are not followed, connections not kept.
 * Fails with `webhook_address_private`.
 */
export function postWebhook(url: string, options: PostOptions): Promise<number> {
  const { headers, body, privateAddresses, signal, resolve: lookUp = lookup } = options
  const { protocol, hostname } = new URL(url)
  if (!privateAddresses && isPrivateHost(hostname))
    return Promise.reject(webhookErrors.webhook_address_private({ host: hostname }))
  const request = protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent: false,
      signal,
      ...(privateAddresses ? {} : { lookup: publicLookup(lookUp) }),
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      resolve(response.statusCode!)
      response.destroy()
    })
    sent.end(body)
  })
}

/** Resolves a name to its public addresses only; Node connects to one of them and asks for no other. */
export function publicLookup(lookUp: typeof lookup): LookupFunction {
  return (host, options, done) => {
    lookUp(host, { ...options, all: true }, (error, found) => {
      const addresses: LookupAddress[] = error ? [] : found.filter(({ address }) => isPublicAddress(address))
      const [first] = addresses
      const failure = error ?? (first ? null : webhookErrors.webhook_address_private({ host }))
      if (failure || !first) done(failure, '', 0)
      else if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}
