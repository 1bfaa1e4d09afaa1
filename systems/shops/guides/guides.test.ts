import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { readSqlFunctions, readSqlTables } from './describe-sql.ts'
import { guides } from './guides.ts'

const root = new URL('../../../', import.meta.url)

describe('the two guides (S-G1)', async () => {
  it.each(Object.entries(await guides()))(
    '%s is what the declaration says (npm run docs writes it)',
    async (path, text) => {
      expect(await readFile(new URL(path, root), 'utf8')).toBe(text)
    },
  )

  it('have every chapter that was asked for, every function, table and job', async () => {
    const [setup = '', reference = ''] = Object.values(await guides())
    for (const chapter of [
      'Step by step',
      'Migrations',
      'Functions',
      'Environment',
      'Connect your frontend',
      'Testing',
      'Production checklist',
      'Troubleshooting',
    ])
      expect(setup).toContain(`\n## ${chapter}\n`)
    for (const chapter of [
      'Tables',
      'Functions',
      'Database functions',
      'Realtime',
      'Errors',
      'Common patterns',
      'Jobs',
    ])
      expect(reference).toContain(`\n## ${chapter}\n`)
    for (const { name } of [...shops.functions, ...shops.jobs]) expect(reference).toContain(`\`${name}\``)
    const documented = [...(await readSqlFunctions()), ...(await readSqlTables())]
    expect(documented.filter(({ comment }) => comment === '')).toEqual([])
    expect(documented.length).toBeGreaterThan(50)
  })
})
