import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { hardening } from './hardening.ts'
import { applyEdit, isScript, type Proof, renderProofs } from './proof.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, root), 'utf8')

/** Names of tests have values in them where the source has `%s`: ten characters in a row are enough to know one again. */
const hasPartOf = (text: string, name: string): boolean =>
  Array.from({ length: Math.max(1, name.length - 9) }, (_, at) => name.slice(at, at + 10)).some((part) =>
    text.includes(part),
  )

it.each(hardening.map((proof) => [proof.point, proof] as [string, Proof]))(
  'the mistake of point %s can still be made, and what notices it is there (npm run prove makes it)',
  async (_point, { edits, noticedBy }) => {
    for (const edit of edits) {
      const text = await read(edit.file)
      expect(applyEdit(text, edit)).not.toBe(text)
    }
    const by = isScript(noticedBy) ? noticedBy.script : noticedBy.file
    expect(existsSync(fileURLToPath(new URL(by, root)))).toBe(true)
    if (!isScript(noticedBy)) expect(hasPartOf(await read(by), noticedBy.test)).toBe(true)
  },
)

it('every point of the list has a proof', () => {
  const points = new Set(hardening.map(({ point }) => Number.parseInt(point, 10)))
  expect([...points].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 17 }, (_, index) => index + 1))
})

it('docs/security.md lists them (npm run docs writes it)', async () => {
  expect(await read('docs/security.md')).toContain(renderProofs(hardening))
})
