import { expect, it } from 'vitest'
import { generators, type Surface } from './generators/index.ts'
import { describeFinding } from './report.ts'
import { runFuzz } from './run-fuzz.ts'

/** `npm run fuzz -- --minutes 10` is the long form. */
const seconds = 60
const seed = 20_261_121

it('bad input fails no surface, holds nothing up, and leaves nothing behind', {
  timeout: 360_000,
}, async () => {
  const surfaces = Object.keys(generators) as Surface[]
  const { findings, cases } = await runFuzz({ seconds, seed, surfaces })
  expect(findings.map(describeFinding).join('\n')).toBe('')
  expect(Object.keys(cases)).toEqual(surfaces)
})
