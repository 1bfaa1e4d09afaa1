import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { readMigrations } from './read-migrations.ts'

async function read(...files: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const file of files) await writeFile(join(folder, file), 'select 1')
  return readMigrations('sample', pathToFileURL(`${folder}/`))
}

it('reads migrations in the order of their numbers, and nothing else that lies there', async () => {
  const { migrations } = await read('002_tags.sql', '001_initial_schema.sql', 'README.md')
  expect(migrations.map(({ name }) => name)).toEqual(['001_initial_schema', '002_tags'])
})

it.each(['20260101_x.sql', '5_more.sql', '003-dash.sql', '004_Upper.sql', 'tags.sql'])(
  'refuses %s, which would be passed over',
  async (file) => {
    await expect(read('001_initial_schema.sql', file)).rejects.toMatchObject({
      code: 'migration_misnamed',
      message: expect.stringContaining(`${file}: a migration is named by three digits`),
    })
  },
)

it('refuses two of one number: their order would be chance', async () => {
  await expect(read('001_a.sql', '001_b.sql')).rejects.toMatchObject({
    code: 'migration_number_taken',
    message: expect.stringMatching(/001_b\.sql: the number 001 is that of 001_a\.sql already/),
  })
})
