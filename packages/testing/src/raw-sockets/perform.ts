import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { Step } from './conversation.ts'

/** How long a client waits for a word of the server before it goes on. Milliseconds. */
const patience = 100

/** Plays `steps` against a port of this machine, hangs up, and returns what the server said, in latin1. */
export async function perform(port: number, steps: readonly Step[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let said = ''
  let hungUp = false
  let heard: (() => void) | undefined
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    said += data.toString('latin1')
    heard?.()
  })
  socket.on('end', () => heard?.())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const read = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patience)
      heard = () => {
        clearTimeout(timer)
        resolve()
      }
      if (socket.readableEnded || socket.destroyed) heard()
    })
  for (const step of steps) {
    if (hungUp || socket.destroyed) break
    if (typeof step === 'object') {
      // The pieces of a text come in packets of their own.
      await new Promise((resolve) => socket.write(Buffer.from(step.say, 'latin1'), resolve))
      await setImmediate()
    } else if (step === 'read') await read()
    else if (step === 'end') socket.end()
    else {
      hangUp(socket, step === 'reset')
      hungUp = true
    }
  }
  if (!hungUp) socket.destroy()
  await closed
  return said
}

/** Closes the socket, by a reset if it can be: Node resets none that is half closed, and never closes it either. */
function hangUp(socket: Socket, resets: boolean): void {
  if (resets && !socket.writableEnded) socket.resetAndDestroy()
  else socket.destroy()
}
