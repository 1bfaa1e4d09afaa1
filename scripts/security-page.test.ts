import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = new URL('..', import.meta.url)
const page = await readFile(new URL('docs/security.md', root), 'utf8')

it('every proof that docs/security.md names is there', () => {
  const proofs = [
    ...page.matchAll(/`((?:packages|systems|server|acceptance|fuzz|scripts)\/[^`]+\.ts)`/g),
  ].map(([, path]) => path!)
  expect(proofs.length).toBeGreaterThan(20)
  expect(proofs.filter((path) => !existsSync(fileURLToPath(new URL(path, root))))).toEqual([])
})

it('every promise has something that enforces it and something that proves it', () => {
  const [, promises = ''] = page.split('## Nobody stops the server')
  const rows = promises
    .split('## The fuzz')[0]!
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|---') && !line.startsWith('| promise'))
  for (const row of rows)
    expect(
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ).not.toContain('')
})
