import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { finishSystem, formatSystem, repository, writeSystem } from './write-system.ts'

/** What the command reads of a repository. */
async function makeRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'plinth-new-'))
  onTestFinished(() => rm(root, { recursive: true }))
  for (const path of [
    '.gitignore',
    'biome.json',
    'examples/notes',
    'server/src/systems.ts',
    'server/package.json',
  ])
    await cp(join(repository, path), join(root, path), {
      recursive: true,
      filter: (source) => !source.endsWith('node_modules'),
    })
  return root
}

const read = (root: string, path: string) => readFile(join(root, path), 'utf8')

it('a new system is a copy of the example under its own name, and the server hosts it', async () => {
  const root = await makeRoot()
  await writeSystem(root, 'clinic')
  const files = ['package.json', 'system.ts', 'tests/notes.db.test.ts', 'tests/isolation.db.test.ts']
  const [manifest, system, test, isolation] = await Promise.all(
    files.map((file) => read(root, `systems/clinic/${file}`)),
  )
  expect(JSON.parse(manifest!).name).toBe('@plinth/clinic')
  expect(system).toContain("export const clinic = defineSystem({\n  name: 'clinic',")
  expect(system).toContain("readMigrations('clinic', ")
  expect(test).toContain('const system = useSystem(clinic)')
  expect(test).toContain("system.call('clinic-count-words'")
  expect(isolation).toContain("useTestDatabase({ system: 'clinic', migrations: [clinic.migrations()] })")
  expect(await read(root, 'systems/clinic/functions/count-words.ts')).toContain("name: 'clinic-count-words'")
  const systems = await read(root, 'server/src/systems.ts')
  expect(systems).toContain("import { clinic } from '@plinth/clinic'\n")
  expect(systems).toMatch(/= \[.+, clinic\]$/m)
  expect(JSON.parse(await read(root, 'server/package.json')).dependencies).toMatchObject({
    '@plinth/clinic': '*',
  })
})

it('a new system is formatted, however long its name is', async () => {
  const root = await makeRoot()
  const name = 'veterinaryclinic'
  await writeSystem(root, name)
  await formatSystem(root, name)
  const test = await read(root, `systems/${name}/tests/notes.db.test.ts`)
  expect(test.split('\n').filter((line) => line.length > 110)).toEqual([])
  expect(test).toContain(`system.call('${name}-count-words', {}, { as: ben })`)
})

it('a name that is taken, or that fits no database, is refused and nothing is written', async () => {
  const root = await makeRoot()
  await writeSystem(root, 'clinic')
  await expect(writeSystem(root, 'clinic')).rejects.toMatchObject({ code: 'system_exists' })
  await expect(writeSystem(root, 'notes')).rejects.toMatchObject({ code: 'system_exists' })
  await expect(writeSystem(root, 'My-Clinic')).rejects.toMatchObject({ code: 'invalid_declaration' })
  expect((await read(root, 'server/src/systems.ts')).match(/clinic/g)).toHaveLength(3)
})

it('what fails after it was written is named, with what to run', async () => {
  const root = await makeRoot()
  await expect(finishSystem(root, 'clinic')).rejects.toMatchObject({
    code: 'new_system_unfinished',
    message: expect.stringMatching(/failed with code \d+: /),
  })
})
