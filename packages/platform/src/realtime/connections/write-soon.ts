import type { Socket } from 'node:net'

/** Sockets that were written to and wait for their turn; what was written to one goes out in one call. */
let corked: Socket[] = []
let isPlanned = false
/** How long the event loop may be held by handing frames to the operating system, milliseconds. */
const longestTurn = 10

/**
 * Writes a frame at the end of this turn of the event loop, together with what else is written to the socket until then.
 * When there are more sockets than one turn has time for, the others follow in the next ones.
 */
export function writeSoon(socket: Socket, frame: Buffer): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    corked.push(socket)
    if (!isPlanned) {
      isPlanned = true
      process.nextTick(uncork)
    }
  }
  socket.write(frame)
}

function uncork(): void {
  const until = performance.now() + longestTurn
  const sockets = corked
  let next = 0
  while (next < sockets.length && performance.now() < until) sockets[next++]!.uncork()
  corked = sockets.slice(next)
  isPlanned = corked.length > 0
  if (isPlanned) setImmediate(uncork)
}
