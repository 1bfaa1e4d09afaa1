import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const folders = ['packages', 'systems', 'examples', 'server']
const sources = /\.(ts|sql|json)$/
const ignored = /node_modules|\.test\.ts$|(^|\/)tests\/|database\.types\.ts$/

/** Milliseconds without another change before the server is started again: editors write several files at once. */
const quiet = 200

/**
 * Runs `plinth` with these arguments, and starts it again whenever a source has changed; one that ended by itself, because
 * its SQL is broken, waits for the next change. Resolves when it is ended by a signal.
 */
export async function watchSources(given: readonly string[]): Promise<void> {
  const isAsked = untilAskedToStop().then(() => undefined)
  let changed = Promise.withResolvers<string>()
  let timer: NodeJS.Timeout | undefined
  const watchers = folders.map((folder) =>
    watchFolder(join(repository, folder), (file) => {
      clearTimeout(timer)
      timer = setTimeout(() => changed.resolve(join(folder, file)), quiet)
    }),
  )
  for (;;) {
    const child = start(given)
    const file = await Promise.race([changed.promise, isAsked])
    changed = Promise.withResolvers()
    await end(child)
    if (file === undefined) break
    process.stderr.write(`plinth: ${file} has changed: starting again\n`)
  }
  clearTimeout(timer)
  for (const watcher of watchers) watcher.close()
}

function watchFolder(folder: string, onChange: (file: string) => void): FSWatcher {
  return watch(folder, { recursive: true }, (_event, file) => {
    if (file && sources.test(file) && !ignored.test(file)) onChange(file)
  })
}

/** In a session of its own, so that a Ctrl-C reaches it once, from here; it dies when this process is killed. */
const start = (given: readonly string[]): ChildProcess =>
  spawn(process.execPath, [join(repository, 'bin', 'plinth.js'), '--handed-over', ...given], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })

/** As Ctrl-C does, so that what is in flight is finished and PostgreSQL is stopped in good order. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
