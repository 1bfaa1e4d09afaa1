import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { defineSystem } from '../system/index.ts'
import { connectionBudget } from './index.ts'

const smallest = defineSystem({
  name: 'smallest',
  summary: 'Nothing of its own.',
  tenant: null,
  migrations: async () => ({ name: 'smallest', migrations: [] }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

it('is what docs/architecture.md says', async () => {
  const page = await readFile(new URL('../../../../docs/architecture.md', import.meta.url), 'utf8')
  const lines = connectionBudget(smallest)
  const sum = lines.reduce((total, { connections }) => total + connections, 0)
  const rows = lines.map(({ purpose, connections }) => `| ${purpose} | ${connections} |`)
  expect(page).toContain([...rows, `| **sum** | **${sum}** |`].join('\n'))
})
