import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkWritable, oneAtATime } from './one-at-a-time.js'
import { Refusal } from './refusal.js'
import { runNpm } from './run-npm.js'

const oldest = { major: 22, minor: 18 }
const brought = '24'

/** True when this Node runs TypeScript as it is and has everything else that Plinth uses. */
export function isSuitableNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const recent = major > oldest.major || (major === oldest.major && minor >= oldest.minor)
  return recent && Boolean(process.features.typescript)
}

/**
 * The path of a Node that is new enough, brought once from npm into `.plinth/`. npm's `node` package only picks one of
 * `node-<platform>-<arch>` in an install script, and those may be off, so that one is taken directly.
 */
export async function bringNode(repository) {
  const name = `node-${process.platform}-${process.arch}`
  const home = join(repository, '.plinth')
  const folder = join(home, `${name}-${brought}`)
  const node = join(folder, 'node_modules', name, 'bin', 'node')
  if (existsSync(node)) return node
  checkWritable(repository)
  await oneAtATime(home, async () => {
    if (!existsSync(node)) await fetchNode(name, folder)
  })
  return node
}

/** Under another name until it has proven itself, so that a fetch that was cut off leaves nothing half. */
async function fetchNode(name, folder) {
  const draft = `${folder}.part`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  const what = `Node ${brought} (found ${process.version})`
  await runNpm(['install', `${name}@${brought}`, '--prefix', draft, '--no-save', '--ignore-scripts'], {
    what,
  })
  checkRuns(join(draft, 'node_modules', name, 'bin', 'node'))
  rmSync(folder, { recursive: true, force: true })
  renameSync(draft, folder)
}

function checkRuns(node) {
  let version
  try {
    version = execFileSync(node, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch (error) {
    throw new Refusal(
      `the Node that npm brought does not run on this machine (${error.code ?? error.message})`,
    )
  }
  if (!version.startsWith(`v${brought}.`))
    throw new Refusal(`npm brought Node ${version} instead of ${brought}`)
}
