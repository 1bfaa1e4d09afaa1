import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkWritable, oneAtATime } from './one-at-a-time.js'
import { runNpm } from './run-npm.js'

/**
 * Installs the npm packages when they are missing or not those of `package-lock.json`: those that running needs, or,
 * where `everything` is wanted or was there before, the tools of developers too. `npm install` and not `npm ci`: the
 * latter first deletes everything, also what a running server is using. `--no-save` keeps the lock file as it is.
 *
 * @param {string} repository
 * @param {{ everything: boolean }} wanted
 */
export async function installPackages(repository, { everything }) {
  if (areInstalled(repository, everything)) return
  checkWritable(repository)
  await oneAtATime(join(repository, '.plinth', 'installing.pid'), async () => {
    if (areInstalled(repository, everything)) return
    const complete = everything || hasTools(repository)
    const tools = complete ? '--include=dev' : '--omit=dev'
    await runNpm(['install', '--no-save', tools, '--include=optional'], {
      what: complete ? 'npm packages with the tools of developers' : 'npm packages',
      cwd: repository,
    })
    markInstalled(repository, complete)
  })
}

const lockFile = (repository) => join(repository, 'package-lock.json')
const stampFile = (repository) => join(repository, 'node_modules', '.plinth-installed')
/** npm writes it last, so it is there only after an install that came to its end. */
const npmStampFile = (repository) => join(repository, 'node_modules', '.package-lock.json')

function areInstalled(repository, everything) {
  const stamp = read(stampFile(repository))
  if (stamp === stampOf(repository, true)) return true
  if (stamp === stampOf(repository, false)) return !everything
  if (!installedByHand(repository)) return false
  const complete = hasTools(repository)
  markInstalled(repository, complete)
  return complete || !everything
}

/** True when packages that only developers need are there: who has them keeps them. */
function hasTools(repository) {
  const { devDependencies = {} } = JSON.parse(read(join(repository, 'package.json')))
  const names = Object.keys(devDependencies)
  return names.length > 0 && names.every((name) => existsSync(join(repository, 'node_modules', name)))
}

/** npm writes both lock files in one go: milliseconds that they may lie apart. */
const tolerance = 5_000

/** Somebody ran npm after the lock file had changed. */
function installedByHand(repository) {
  const installed = statSync(npmStampFile(repository), { throwIfNoEntry: false })
  const wanted = statSync(lockFile(repository), { throwIfNoEntry: false })
  return installed !== undefined && wanted !== undefined && installed.mtimeMs >= wanted.mtimeMs - tolerance
}

/** Packages differ by platform: a folder that was carried to another one is installed anew. */
function stampOf(repository, complete) {
  const lock = createHash('sha256')
    .update(read(lockFile(repository)))
    .digest('hex')
  return `${lock} ${process.platform}-${process.arch}${complete ? '' : ' to run'}\n`
}

function markInstalled(repository, complete) {
  try {
    writeFileSync(stampFile(repository), stampOf(repository, complete))
  } catch {
    // Read-only packages that somebody else installed are as good; only the comparison above runs again.
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
