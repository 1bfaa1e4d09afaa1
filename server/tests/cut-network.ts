import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A way to a server that a test cuts. */
export interface CutNetwork {
  readonly url: string
  /** `up`; `down`: nobody is there; `deaf`: what is written arrives, and its answer does not. */
  state: 'up' | 'down' | 'deaf'
  /** Cuts every connection that is open, with whatever it carries. */
  cut(): void
  close(): Promise<void>
}

const writes = new Set(['POST', 'PATCH', 'DELETE'])

/** Passes HTTP and WebSockets on to a server. */
export async function startCutNetwork(target: string): Promise<CutNetwork> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    if (network.state === 'down') {
      request.socket.destroy()
      return
    }
    const { method = 'GET', url, headers } = request
    const onward = send({ hostname, port, path: url, method, headers }, (answer) => {
      if (network.state === 'deaf' && writes.has(method) && url?.includes('/rest/')) {
        // The server has done it.
        answer.resume().on('end', () => request.socket.destroy())
        return
      }
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => request.socket.destroy())
    request.pipe(onward)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => {
    if (network.state === 'down') {
      socket.destroy()
      return
    }
    const onward = connect(Number(port), hostname)
    const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`)
    onward.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    onward.write(head)
    onward.pipe(socket).pipe(onward)
    for (const [one, other] of [
      [onward, socket],
      [socket, onward],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const network: CutNetwork = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state: 'up',
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      network.cut()
      server.close()
      await once(server, 'close')
    },
  }
  return network
}
