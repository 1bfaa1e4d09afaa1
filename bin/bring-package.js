import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkWritable, oneAtATime } from './one-at-a-time.js'
import { runNpm } from './run-npm.js'

/**
 * The folder under `.plinth/` with npm packages that are no dependency of this repository: brought from npm when they
 * are first asked for. Install scripts do not run; they may be off anyway.
 *
 * @param {string} repository
 * @param {object} wanted
 * @param {string} wanted.folder its name; another version is another folder
 * @param {readonly string[]} wanted.packages as npm takes them: `name@version`
 * @param {string} wanted.file a path in it that is there when it is complete
 * @param {string} wanted.what what is being brought, for a person
 * @param {(folder: string) => void} [wanted.check] throws when it is of no use here
 * @returns {Promise<string>}
 */
export async function bringPackage(repository, { folder: name, packages, file, what, check }) {
  const folder = join(repository, '.plinth', name)
  if (existsSync(join(folder, file))) return folder
  checkWritable(repository)
  await oneAtATime(`${folder}.pid`, async () => {
    if (existsSync(join(folder, file))) return
    // Under another name until it has proven itself, so that a fetch that was cut off leaves nothing half.
    const draft = `${folder}.part`
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { recursive: true })
    await runNpm(['install', ...packages, '--prefix', draft, '--no-save', '--ignore-scripts'], { what })
    check?.(draft)
    rmSync(folder, { recursive: true, force: true })
    renameSync(draft, folder)
  })
  return folder
}
