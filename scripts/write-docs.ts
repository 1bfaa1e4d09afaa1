/** Writes the pages of `docs/` that come from the code. */
import { writeFile } from 'node:fs/promises'
import { readErrorCatalogue, renderErrorPage } from './error-catalogue.ts'
import { pageOf, readProvenIds, readTestTitles, renderIdsPage, systemsWithIds } from './requirement-ids.ts'

await writeFile(new URL('../docs/errors.md', import.meta.url), renderErrorPage(await readErrorCatalogue()))

const titles = await readTestTitles()
for (const system of await systemsWithIds())
  await writeFile(pageOf(system), renderIdsPage(system, await readProvenIds(system, titles)))
