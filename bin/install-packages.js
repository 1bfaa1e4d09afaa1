import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkWritable, oneAtATime } from './one-at-a-time.js'
import { runNpm } from './run-npm.js'

/**
 * Installs the npm packages when they are missing or not those of `package-lock.json`. `npm install` and not `npm ci`:
 * the latter first deletes everything, also what a running server is using. `--no-save` keeps the lock file as it is.
 */
export async function installPackages(repository) {
  if (areInstalled(repository)) return
  checkWritable(repository)
  await oneAtATime(join(repository, '.plinth'), async () => {
    if (areInstalled(repository)) return
    await runNpm(['install', '--no-save', '--include=dev', '--include=optional'], {
      what: 'npm packages',
      cwd: repository,
    })
    markInstalled(repository)
  })
}

const lockFile = (repository) => join(repository, 'package-lock.json')
const stampFile = (repository) => join(repository, 'node_modules', '.plinth-installed')
/** npm writes it last, so it is there only after an install that came to its end. */
const npmStampFile = (repository) => join(repository, 'node_modules', '.package-lock.json')

function areInstalled(repository) {
  const stamp = read(stampFile(repository))
  if (stamp === stampOf(repository)) return true
  if (!installedByHand(repository)) return false
  markInstalled(repository)
  return true
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
function stampOf(repository) {
  const lock = createHash('sha256')
    .update(read(lockFile(repository)))
    .digest('hex')
  return `${lock} ${process.platform}-${process.arch}\n`
}

function markInstalled(repository) {
  try {
    writeFileSync(stampFile(repository), stampOf(repository))
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
