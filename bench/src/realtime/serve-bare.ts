import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface BareServer {
  readonly port: number
  stop(): Promise<void>
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * The least that a broadcast can be: whatever frame comes in, one frame that was built before is written to every
 * socket. No protocol, no rooms, no limits, no rights.
 */
export async function serveBare(frame: Buffer): Promise<BareServer> {
  const sockets = new Set<Duplex>()
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}${guid}`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    let isGreeting = true
    socket.on('data', (data: Buffer) => {
      for (let offset = 0; offset < data.length; offset += frameSize(data, offset)) {
        if (isGreeting) socket.write(frame)
        else for (const each of sockets) each.write(frame)
        isGreeting = false
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Bytes of a masked frame below 64 KiB. Frames that a chunk cuts through count once, where they begin. */
function frameSize(data: Buffer, offset: number): number {
  const short = (data[offset + 1] ?? 0) & 0x7f
  return short < 126 ? 6 + short : 8 + data.readUInt16BE(offset + 2)
}
