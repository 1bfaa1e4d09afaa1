import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execute, root } from '../check/execute.ts'

/** A copy of the working tree that may be changed, and what removes it. */
export interface TreeCopy {
  readonly folder: string
  remove(): Promise<void>
}

/**
 * Copies what git knows or would take in. Packages of npm are links to those that are installed here; those of the
 * workspace are links into the copy, so that its own code runs.
 */
export async function copyTree(): Promise<TreeCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-proofs-'))
  const { output } = await execute('git', ['ls-files', '-co', '--exclude-standard'])
  for (const path of output.split('\n').filter(Boolean)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    // A file that was deleted and not committed yet is still listed.
    await cp(join(root, path), join(folder, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
  await linkPackages(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const { name } = entry
    if (name === '@plinth')
      await cp(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true })
    else if (name.startsWith('@')) await linkPackages(join(from, name), join(to, name))
    // By it the launcher knows that packages are installed, and installs none over these.
    else if (name === '.package-lock.json') await cp(join(from, name), join(to, name))
    // Caches of tools are their own.
    else if (name === '.bin' || !name.startsWith('.')) await symlink(join(from, name), join(to, name))
  }
}
