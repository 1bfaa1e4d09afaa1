/** Writes what of `docs/` comes from the code. */
import { readFile, writeFile } from 'node:fs/promises'
import { readErrorCatalogue, renderErrorPage } from './error-catalogue.ts'
import { hardening } from './proofs/hardening.ts'
import { renderProofs } from './proofs/proof.ts'
import { pageOf, readProvenIds, readTestTitles, renderIdsPage, systemsWithIds } from './requirement-ids.ts'

const docs = new URL('../docs/', import.meta.url)
await writeFile(new URL('errors.md', docs), renderErrorPage(await readErrorCatalogue()))

const titles = await readTestTitles()
for (const system of await systemsWithIds())
  await writeFile(pageOf(system), renderIdsPage(system, await readProvenIds(system, titles)))

const page = new URL('security.md', docs)
const table = /\| point \| mistake \| noticed by \|\n(?:\|.*\n)*/
await writeFile(
  page,
  (await readFile(page, 'utf8')).replace(table, () => `${renderProofs(hardening)}\n`),
)
