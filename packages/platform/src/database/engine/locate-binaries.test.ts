import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hydrateLinks } from './locate-binaries.ts'

const pairs = [
  { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so' },
  { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' },
]

test('links that an npm package cannot carry are made, also by two starts at once and again', async () => {
  const root = await makePackage()
  await Promise.all([hydrateLinks(root), hydrateLinks(root)])
  await hydrateLinks(root)
  for (const { target } of pairs) expect(await readlink(join(root, target))).toBe('libpq.so.5.18')
})

test('a package where links are missing and cannot be made: postgres_binaries_missing', async () => {
  const root = await makePackage()
  await rm(join(root, 'native', 'lib'), { recursive: true })
  await writeFile(join(root, 'native', 'lib'), 'no folder')
  await expect(hydrateLinks(root)).rejects.toMatchObject({
    code: 'postgres_binaries_missing',
    message: expect.stringContaining(`the links of ${root} are missing and cannot be made there (ENOTDIR)`),
  })
})

async function makePackage(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'plinth-package-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'native', 'lib'), { recursive: true })
  await writeFile(join(root, 'native', 'lib', 'libpq.so.5.18'), '')
  await writeFile(join(root, 'native', 'pg-symlinks.json'), JSON.stringify(pairs))
  return root
}
