import { glob, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { readErrorCatalogue, renderErrorPage } from './error-catalogue.ts'

const root = new URL('..', import.meta.url)

it('docs/errors.md lists what the code can answer (npm run docs writes it)', async () => {
  const page = await readFile(new URL('docs/errors.md', root), 'utf8')
  expect(page).toBe(renderErrorPage(await readErrorCatalogue()))
})

it('every code is provoked by a test', async () => {
  const texts: string[] = []
  for await (const path of glob(['{packages,systems,examples,server,acceptance}/**/*.test.ts'], {
    cwd: root,
  })) {
    if (!path.includes('node_modules')) texts.push(await readFile(new URL(path, root), 'utf8'))
  }
  const tests = texts.join('\n')
  const codes = (await readErrorCatalogue()).map(({ code }) => code)
  expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(tests))).toEqual([])
})
