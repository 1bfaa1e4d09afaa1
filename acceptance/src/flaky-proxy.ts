import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A network that fails: it passes bytes on until it is told to cut every connection. */
export interface FlakyProxy {
  readonly url: string
  /** Cuts every connection, in the middle of whatever it carries. Gives how many there were. */
  cut(): number
  close(): Promise<void>
}

/** Listens on a port of its own in front of a server. */
export async function startFlakyProxy(target: string): Promise<FlakyProxy> {
  const { hostname, port, pathname } = new URL(target)
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), hostname)
    incoming.pipe(outgoing).pipe(incoming)
    for (const socket of [incoming, outgoing]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        incoming.destroy()
        outgoing.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    const count = open.size / 2
    for (const socket of open) socket.destroy()
    return count
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    cut,
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
