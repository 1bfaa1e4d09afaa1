/** Writes the pages that come from the code: of `docs/`, and the guides that systems write of themselves. */
import { glob, readFile, writeFile } from 'node:fs/promises'
import { readErrorCatalogue, renderErrorPage } from './error-catalogue.ts'
import { hardening } from './proofs/hardening.ts'
import { renderProofs } from './proofs/proof.ts'
import { pageOf, readProvenIds, readTestTitles, renderIdsPage, systemsWithIds } from './requirement-ids.ts'

const root = new URL('..', import.meta.url)

await writeFile(new URL('docs/errors.md', root), renderErrorPage(await readErrorCatalogue()))

const titles = await readTestTitles()
for (const system of await systemsWithIds())
  await writeFile(pageOf(system), renderIdsPage(system, await readProvenIds(system, titles)))

const page = new URL('docs/security.md', root)
const table = /\| point \| mistake \| noticed by \|\n(?:\|.*\n)*/
await writeFile(
  page,
  (await readFile(page, 'utf8')).replace(table, () => `${renderProofs(hardening)}\n`),
)

for await (const path of glob('systems/*/guides/guides.ts', { cwd: root })) {
  const { guides } = (await import(new URL(path, root).href)) as {
    guides(): Promise<Readonly<Record<string, string>>>
  }
  for (const [name, text] of Object.entries(await guides())) await writeFile(new URL(name, root), text)
}
