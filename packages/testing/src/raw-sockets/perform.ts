import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { Step } from './conversation.ts'

/** What a socket tells of its other side. */
const news = ['data', 'end', 'close'] as const

/**
 * Plays `steps` against a port of this machine, hangs up, and returns what the server said, in latin1. A client that
 * reads or drains goes on after `patience` milliseconds at the latest.
 */
export async function perform(port: number, steps: readonly Step[], patience = 10_000): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let said = ''
  let read = 0
  let hungUp = false
  const isOver = () => socket.readableEnded || socket.destroyed
  const until = (reached: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (reached()) done()
      }
      const done = () => {
        clearTimeout(timer)
        for (const event of news) socket.off(event, look)
        resolve()
      }
      const timer = setTimeout(done, patience)
      for (const event of news) socket.on(event, look)
      look()
    })
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    said += data.toString('latin1')
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  for (const step of steps) {
    if (hungUp || socket.destroyed) break
    if (typeof step === 'object') {
      // The pieces of a text come in packets of their own.
      await new Promise((resolve) => socket.write(Buffer.from(step.say, 'latin1'), resolve))
      await setImmediate()
    } else if (step === 'read') {
      await until(() => said.length > read || isOver())
      read = said.length
    } else if (step === 'drain') await until(isOver)
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
