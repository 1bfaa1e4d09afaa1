import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@plinth/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const repository = fileURLToPath(new URL('../../', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-develop-'))
})
afterAll(() => rm(folder, { recursive: true }))

function start(...given: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [join(repository, 'bin', 'plinth.js'), ...given], {
    cwd: repository,
    env: { PATH: process.env['PATH'], PLINTH_DATA_DIR: join(folder, 'data'), PLINTH_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output.text += chunk))
  return { child, output, ended: once(child, 'close') }
}

async function run(...given: readonly string[]) {
  const { output, ended } = start(...given)
  const [code] = await ended
  return { code, text: output.text }
}

describe('while a system is being written', () => {
  it('its types are written, and it is noticed when they are not current', async () => {
    const file = join(folder, 'database.types.ts')
    expect(await run('types', 'shops', '-o', file)).toMatchObject({ code: 0 })
    expect(await readFile(file, 'utf8')).toBe(
      await readFile(join(repository, 'systems/shops/database.types.ts'), 'utf8'),
    )
    await appendFile(file, '// changed\n')
    const check = await run('types', 'shops', '--check', '-o', file)
    expect(check).toMatchObject({ code: 1, text: expect.stringContaining('[types_outdated]') })
  })

  it('its database is thrown away when somebody says so', async () => {
    const unasked = await run('reset', 'shops')
    expect(unasked).toMatchObject({ code: 1, text: expect.stringContaining('[reset_not_confirmed]') })
    expect(await run('reset', 'shops', '--yes')).toMatchObject({ code: 0 })
  })

  it('the server makes it anew, starts again when a source changes, and is not reset under its feet', async () => {
    const { child, output, ended } = start('start', '--watch')
    const starts = () => output.text.split('Plinth is running').length - 1
    await waitFor(() => starts() === 1, { timeout: 60_000, what: 'the first start' })
    const refused = await run('reset', 'shops', '--yes')
    expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('[still_running]') })
    const now = new Date()
    await utimes(join(repository, 'examples/notes/system.ts'), now, now)
    await waitFor(() => starts() === 2, { timeout: 60_000, what: 'the second start' })
    expect(output.text).toContain('examples/notes/system.ts has changed: starting again')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
  })
})
