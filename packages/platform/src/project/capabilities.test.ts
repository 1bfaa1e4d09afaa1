import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineCapability, defineSystem } from '../system/index.ts'
import { capabilitiesOf } from './index.ts'

const capability = (name: string, requires: readonly string[] = []) =>
  defineCapability({ name, requires, settings: z.object({}), open: () => ({}) })

const using = (...uses: ReturnType<typeof capability>[]) =>
  defineSystem({
    name: 'sample',
    summary: 'A system.',
    tenant: null,
    uses,
    migrations: async () => ({ name: 'sample', migrations: [] }),
    functions: [],
    jobs: [],
    realtimeTables: [],
    journalledTables: [],
  })
const namesOf = (...uses: ReturnType<typeof capability>[]) =>
  capabilitiesOf(using(...uses)).map(({ name }) => name)

describe('the capabilities of a system', () => {
  it('come after those that they require, whatever the order in which they are named', () => {
    const names = namesOf(capability('late', ['early']), capability('early', ['journal']))
    expect(names.indexOf('early')).toBeGreaterThan(names.indexOf('journal'))
    expect(names.indexOf('late')).toBeGreaterThan(names.indexOf('early'))
  })

  it('replace one that every project has', () => {
    const own = capability('auth')
    expect(capabilitiesOf(using(own)).filter(({ name }) => name === 'auth')).toEqual([own])
  })

  it('are refused when one is named twice or lacks what it requires', () => {
    const codeOf = (make: () => unknown) => {
      try {
        make()
      } catch (error) {
        return (error as { code?: string }).code
      }
      return 'none'
    }
    expect(codeOf(() => namesOf(capability('once'), capability('once')))).toBe('duplicate_capability')
    expect(codeOf(() => namesOf(capability('late', ['early'])))).toBe('missing_capability')
  })
})
