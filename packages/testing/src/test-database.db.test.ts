import { sql } from '@plinth/platform/database'
import pg from 'pg'
import { expect, it } from 'vitest'
import { clusterAddress, createTestDatabase } from './test-database.ts'

const namesOf = async (pattern: string): Promise<readonly string[]> => {
  const client = new pg.Client({ connectionString: clusterAddress() })
  await client.connect()
  const { rows } = await client.query('select datname as name from pg_database where datname ~ $1', [pattern])
  await client.end()
  return rows.map(({ name }) => name)
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

it('a connection that was not given back fails the test that leaked it, and the database goes all the same', async () => {
  const test = await createTestDatabase()
  const began = Promise.withResolvers<void>()
  const leak = test.database.transactionAsOwner(async (transaction) => {
    await transaction.query(sql`select 1`)
    began.resolve()
    await transaction.query(sql`select pg_sleep(600)`)
  })
  const outcome = expect(leak).rejects.toThrow()
  await began.promise
  await expect(test.drop()).rejects.toThrow('The test leaked 1 database connection(s)')
  await outcome
  expect(await namesOf(nameOf(test.addresses.owner))).toEqual([])
})

it('what was given back is no leak, and nothing is left', async () => {
  const test = await createTestDatabase()
  await test.database.asOwner(sql`select 1`)
  await test.drop()
  expect(await namesOf(nameOf(test.addresses.owner))).toEqual([])
})

it('a template is made anew when a migration has changed, and used again when none has', async () => {
  const set = (text: string) => ({
    name: 'kit',
    migrations: [{ name: '001_kit', sql: text, checksum: text }],
  })
  const columnOf = async (text: string) => {
    const test = await createTestDatabase({ migrations: [set(text)] })
    const { rows } = await test.database.asOwner<{ name: string }>(
      sql`select attname as name from pg_attribute where attrelid = 'public.kit'::regclass and attnum = 1`,
    )
    await test.drop()
    return rows[0]!.name
  }
  expect(await columnOf('create table public.kit (before int)')).toBe('before')
  const templates = (await namesOf('^template_')).length
  expect(await columnOf('create table public.kit (before int)')).toBe('before')
  expect(await columnOf('create table public.kit (after int)')).toBe('after')
  expect((await namesOf('^template_')).length).toBeGreaterThan(templates)
})
