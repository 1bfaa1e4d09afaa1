import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, dirname } from 'node:path'

const mark = '--handed-over'
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH']

/**
 * Runs `launcher` again on another Node, and ends as that ends. The two are to be taken for one process: the other one
 * is in a session of its own, so that a Ctrl-C reaches it once, from here, and not from the terminal as well (a second
 * one means "at once"); and it dies when this one is killed.
 */
export async function handOver(node, launcher, args) {
  const child = spawn(node, [launcher, mark, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: { ...process.env, PATH: pathWith(node) },
  })
  const pass = (signal) => child.kill(signal)
  for (const signal of forwarded) process.on(signal, pass)
  const [code, signal] = await once(child, 'exit')
  for (const name of forwarded) process.off(name, pass)
  if (signal) process.kill(process.pid, signal)
  else process.exitCode = code
}

/** The arguments without the mark of a hand-over; on the far side of one, also ties this process to the near one. */
export function takeOver(given) {
  if (given[0] !== mark) return { args: given, handedOver: false }
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel?.unref()
  return { args: given.slice(1), handedOver: true }
}

/** What the script starts in turn (npm, npx) finds the same Node first. */
const pathWith = (node) => [dirname(node), process.env.PATH].filter(Boolean).join(delimiter)
