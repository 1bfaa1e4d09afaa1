/** Builds what is published: JavaScript and type declarations in `dist/`, with a package.json of its own. */
import { execFileSync } from 'node:child_process'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = new URL('../', import.meta.url)
const dist = new URL('dist/', folder)

await rm(dist, { recursive: true, force: true })
execFileSync('npx', ['tsc', '-p', fileURLToPath(new URL('tsconfig.build.json', folder))], {
  stdio: 'inherit',
})

const { name, version, description, license, type, dependencies } = JSON.parse(
  await readFile(new URL('package.json', folder), 'utf8'),
)
const published = {
  name,
  version,
  description,
  license,
  type,
  sideEffects: false,
  exports: {
    '.': { types: './index.d.ts', default: './index.js' },
    './node': { types: './node.d.ts', default: './node.js' },
  },
  types: './index.d.ts',
  dependencies,
}
await writeFile(new URL('package.json', dist), `${JSON.stringify(published, null, 2)}\n`)
await copyFile(new URL('README.md', folder), new URL('README.md', dist))
await copyFile(new URL('../../LICENSE', folder), new URL('LICENSE', dist))
