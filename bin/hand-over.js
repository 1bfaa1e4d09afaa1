import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, dirname } from 'node:path'

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs `args` on another Node and ends as that ends. Signals are passed on; a Ctrl-C in a terminal reaches the other
 * one twice then, from the terminal and from here, which it has to bear in any case: npm does the same.
 */
export async function handOver(node, args) {
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, PATH: pathWith(node) } })
  const pass = (signal) => child.kill(signal)
  for (const signal of forwarded) process.on(signal, pass)
  const [code, signal] = await once(child, 'exit')
  for (const name of forwarded) process.off(name, pass)
  if (signal) process.kill(process.pid, signal)
  else process.exitCode = code
}

/** What the script starts in turn (npm, npx) finds the same Node first. */
const pathWith = (node) => [dirname(node), process.env.PATH].filter(Boolean).join(delimiter)
