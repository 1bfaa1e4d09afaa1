/** Writes the pages of `docs/` that come from the code. */
import { writeFile } from 'node:fs/promises'
import { readErrorCatalogue, renderErrorPage } from './error-catalogue.ts'

await writeFile(new URL('../docs/errors.md', import.meta.url), renderErrorPage(await readErrorCatalogue()))
