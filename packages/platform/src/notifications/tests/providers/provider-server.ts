import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as a provider gets it. */
export interface ProviderRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface ProviderReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * What goes wrong with the next requests. `refuse`, `busy`, `down`: answers 400, 429, 500, and the message is not taken;
 * `silent`: the message is taken, and the connection ends without an answer.
 */
export type Fault = 'refuse' | 'busy' | 'down' | 'silent'

/** Speaks for one provider: says whether the request is right, and keeps what it takes. */
export interface ProviderSimulator {
  take(request: ProviderRequest): ProviderReply | Promise<ProviderReply>
}

/** A provider on this machine. */
export interface ProviderServer {
  readonly url: string
  /** Of the next requests, in order; null: none. */
  readonly faults: (Fault | null)[]
  close(): Promise<void>
}

const answers: Readonly<Record<Exclude<Fault, 'silent'>, ProviderReply>> = {
  refuse: { status: 400, body: '{"message":"wrong"}' },
  busy: { status: 429, headers: { 'retry-after': '7' }, body: '{"message":"too many"}' },
  down: { status: 500, body: '{"message":"broken"}' },
}

export async function startProvider(simulator: ProviderSimulator): Promise<ProviderServer> {
  const faults: (Fault | null)[] = []
  const server = createServer(async (request, response) => {
    const given = await read(request)
    const fault = faults.shift() ?? null
    const reply = fault === null || fault === 'silent' ? await simulator.take(given) : answers[fault]
    if (fault === 'silent') {
      request.socket.destroy()
      return
    }
    response
      .writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
      .end(reply.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function read(request: IncomingMessage): Promise<ProviderRequest> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  return { method: request.method ?? '', path: request.url ?? '', headers, body: Buffer.concat(parts) }
}
