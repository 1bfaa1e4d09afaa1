#!/usr/bin/env node
/**
 * The one way into Plinth, in plain JavaScript so that any Node from 20 on can read it: makes sure of a Node that runs
 * TypeScript and of the npm packages, then runs what was asked for. When both are there it does nothing but import.
 *
 *   plinth run <script.ts> [arguments]   a script of this repository
 *   plinth develop <script.ts> […]       the same, with the packages that only developers need
 *   plinth <anything else>               the server's command line (server/src/cli.ts)
 */
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bringNode, isSuitableNode } from './bring-node.js'
import { handOver, takeOver } from './hand-over.js'
import { installPackages } from './install-packages.js'
import { Refusal } from './refusal.js'

const launcher = fileURLToPath(import.meta.url)
const repository = dirname(dirname(launcher))
const { args: given, handedOver } = takeOver(process.argv.slice(2))

try {
  const packages = { everything: given[0] === 'develop' }
  if (isSuitableNode()) {
    await installPackages(repository, packages)
    await runScript(chooseScript(given))
  } else {
    if (handedOver) throw new Refusal('TypeScript is switched off in Node: look at NODE_OPTIONS')
    const [node] = await both(bringNode(repository), installPackages(repository, packages))
    await handOver(node, launcher, given)
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  process.stderr.write(`plinth: ${error.message}\n`)
  process.exitCode = 1
}

/** Side by side, and a failure of one only when the other has come to its end. */
async function both(...works) {
  const outcomes = await Promise.allSettled(works)
  const failed = outcomes.find(({ status }) => status === 'rejected')
  if (failed) throw failed.reason
  return outcomes.map(({ value }) => value)
}

function chooseScript([command, ...rest]) {
  if (command !== 'run' && command !== 'develop')
    return { script: join(repository, 'server/src/cli.ts'), args: given }
  const [name, ...args] = rest
  if (!name)
    throw new Refusal(`\`plinth ${command}\` needs a script: plinth ${command} <script.ts> [arguments]`)
  const script = resolve(repository, name)
  if (!existsSync(script)) throw new Refusal(`there is no script ${script}`)
  return { script, args }
}

/** In this very process: signals, streams and the exit code are the script's own. */
async function runScript({ script, args }) {
  process.argv = [process.execPath, script, ...args]
  hideExperimentalWarnings()
  // Half of what a command takes to start is reading TypeScript; the second time it is there already.
  module.enableCompileCache(join(repository, '.plinth', 'compile-cache'))
  await import(pathToFileURL(script).href)
}

/** Up to Node 23 the built-in SQLite announces itself as new; it serves as a lock here, which it is good for. */
function hideExperimentalWarnings() {
  for (const show of process.listeners('warning')) {
    process.off('warning', show)
    process.on('warning', (warning) => warning.name === 'ExperimentalWarning' || show(warning))
  }
}
