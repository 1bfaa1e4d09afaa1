import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bringPackage } from '../../../bin/bring-package.js'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const version = '0.10.0'

/** The path of a module that exports the peer: brought from npm when it is first measured, for it is 130 MB. */
export async function bringPeer(): Promise<string> {
  const folder = await bringPackage(repository, {
    folder: `supabase-lite-${version}`,
    packages: [`@supabase/lite@${version}`, 'postgres@^3.4.9'],
    file: join('node_modules', '@supabase', 'lite', 'package.json'),
    what: `@supabase/lite ${version}, the peer that is measured`,
  })
  // A module resolves packages from where it stands.
  const module = join(folder, 'peer.mjs')
  await writeFile(
    module,
    `export { App } from '@supabase/lite'\nexport { createPostgresConnection } from '@supabase/lite/postgres'\n`,
  )
  return module
}
