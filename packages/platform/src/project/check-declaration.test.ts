import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../jobs/index.ts'
import { defineFunction } from '../routes/index.ts'
import { defineSystem, type SystemDeclaration } from '../system/index.ts'
import { checkDeclaration } from './index.ts'

const job = (name: string, line = '0 3 * * *', zone = 'UTC') =>
  defineJob({
    name,
    summary: 'A job.',
    schedule: { line, zone, catchUp: 'once' },
    payload: z.object({}),
    run: async () => undefined,
  })
const hello = defineFunction({
  name: 'hello',
  summary: 'A function.',
  access: 'user',
  input: z.object({}),
  output: z.object({}),
  handle: async () => ({}),
})
const check = (changes: Partial<SystemDeclaration>) => () =>
  checkDeclaration(
    defineSystem({
      name: 'sample',
      summary: 'A system.',
      tenant: null,
      migrations: async () => ({ name: 'sample', migrations: [] }),
      functions: [],
      jobs: [],
      realtimeTables: [],
      journalledTables: [],
      ...changes,
    }),
  )

describe('a declaration is refused with its file and line', () => {
  it.each([
    ['My-Shop', '"My-Shop" is no name for a system: lower-case letters and digits, 40 at most'],
    ['9lives', '"9lives" is no name for a system'],
    ['rest', 'a system cannot be called rest'],
  ])('for the name %s', (name, problem) => {
    expect(check({ name })).toThrow(problem)
    expect(check({ name })).toThrow(/^packages\/platform\/src\/project\/check-declaration\.test\.ts:\d+: /)
    expect(check({ name })).toThrow(expect.objectContaining({ code: 'invalid_declaration' }))
  })

  it('for a job that is declared twice', () => {
    expect(check({ jobs: [job('tidy'), job('tidy')] })).toThrow(
      /^packages.*test\.ts:9: job tidy is declared twice$/,
    )
  })

  it.each([
    ['61 * * * *', 'UTC'],
    ['* * * * * *', 'UTC'],
    ['every day', 'UTC'],
    ['0 3 * * *', 'Mars/Olympus'],
  ])('for a schedule that means nothing: %s in %s', (line, zone) => {
    expect(check({ jobs: [job('tidy', line, zone)] })).toThrow(
      `test.ts:9: job tidy cannot run at "${line}" in ${zone}: `,
    )
  })

  it('for a function that is declared twice', () => {
    expect(check({ functions: [hello, hello] })).toThrow('function hello is declared twice')
  })
})

it('what can be meant is taken', () => {
  expect(check({ jobs: [job('tidy')], functions: [hello] })).not.toThrow()
})
