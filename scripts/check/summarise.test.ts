import { expect, it, vi } from 'vitest'
import type { Missing } from './bring-programs.ts'
import type { Outcome } from './run-step.ts'
import { summarise } from './summarise.ts'

const tests = { passed: 3, failed: 0, failures: [], skipped: [], files: [] }
const step = (name: string, given: Partial<Outcome> = {}): Outcome => ({
  step: { name, command: ['vitest'] },
  code: 0,
  seconds: 1,
  output: '',
  tests,
  unsteady: [],
  ...given,
})
const redis: Missing = {
  tests: 'tests of several nodes on one Redis',
  reason: 'redis-server is not installed',
}

/** The exit code, and what was printed. */
function summary(outcomes: readonly Outcome[], missing: readonly Missing[], isCi: boolean) {
  let text = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    text += String(part)
    return true
  })
  try {
    return { code: summarise(outcomes, missing, isCi), text }
  } finally {
    write.mockRestore()
  }
}

it('is green when everything ran and passed, in CI too', () => {
  expect(summary([step('pure tests')], [], true)).toMatchObject({
    code: 0,
    text: expect.stringContaining('3 passed, 0 failed'),
  })
})

it('names what could not be run here: green on a person’s machine, a failure in CI', () => {
  const named = expect.stringContaining(
    'Not run: tests of several nodes on one Redis: redis-server is not installed',
  )
  expect(summary([step('pure tests')], [redis], false)).toMatchObject({ code: 0, text: named })
  expect(summary([step('pure tests')], [redis], true)).toMatchObject({ code: 1, text: named })
})

it('fails with one step that failed, whatever else passed, and counts it', () => {
  const failed = step('types', { code: 1, tests: { ...tests, passed: 0 } })
  expect(summary([failed, step('pure tests')], [], false)).toMatchObject({
    code: 1,
    text: expect.stringContaining('3 passed, 1 failed'),
  })
})

it('lists what each system took, the slowest files first, and what was skipped or unsteady', () => {
  const file = (path: string, seconds: number) => ({ path, seconds })
  const files = [
    file('systems/shops/a.db.test.ts', 9),
    file('systems/shops/b.db.test.ts', 20),
    file('bin/c.test.ts', 1),
  ]
  const { text } = summary(
    [
      step('database tests', {
        tests: { ...tests, files, skipped: ['a year'] },
        unsteady: [{ path: 'bin/c.test.ts', name: 'waits', message: '' }],
      }),
    ],
    [],
    false,
  )
  expect(text).toContain('Tests of shops: 29 s; a system may take 25 s')
  expect(text.indexOf('b.db.test.ts')).toBeLessThan(text.indexOf('a.db.test.ts'))
  expect(text).toContain('Skipped: database tests: a year')
  expect(text).toContain('Unsteady: database tests: bin/c.test.ts: waits')
})
