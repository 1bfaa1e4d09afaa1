import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { bringPackage } from './bring-package.js'
import { Refusal } from './refusal.js'

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
 *
 * @param {string} repository
 */
export async function bringNode(repository) {
  const name = `node-${process.platform}-${process.arch}`
  const file = join('node_modules', name, 'bin', 'node')
  const folder = await bringPackage(repository, {
    folder: `${name}-${brought}`,
    packages: [`${name}@${brought}`],
    file,
    what: `Node ${brought} (found ${process.version})`,
    check: (draft) => checkRuns(join(draft, file)),
  })
  return join(folder, file)
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
