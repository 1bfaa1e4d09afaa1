import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly body: string
  readonly headers: IncomingHttpHeaders & Record<string, string>
}

/** An endpoint that keeps what it is told. */
export interface Receiver {
  readonly url: string
  /** The answers to come: statuses, in order; 200 when none is left. */
  readonly statuses: number[]
  /** What arrived since the last call. */
  take(): Received[]
  stop(): Promise<void>
}

export async function receiveWebhooks(): Promise<Receiver> {
  const statuses: number[] = []
  let received: Received[] = []
  const server = createServer(async (request, response) => {
    received.push({ body: await text(request), headers: request.headers as Received['headers'] })
    response.writeHead(statuses.shift() ?? 200).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    statuses,
    take: () => {
      const taken = received
      received = []
      return taken
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
