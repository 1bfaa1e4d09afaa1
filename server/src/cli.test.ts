import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { commands } from './commands/commands.ts'

const cli = fileURLToPath(new URL('./cli.ts', import.meta.url))

/** What a command needs of the surroundings, and nothing that they set for it. */
const ground = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }

/** Runs `plinth …` on a data folder that nobody has used. */
async function plinth(...given: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const env = { ...ground, PLINTH_DATA_DIR: folder }
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [cli, ...given], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

it.each(commands)('$name is described by the overview as by itself', async ({ name, summary, load }) => {
  const program = new Command()
  const add = await load()
  add(program)
  expect(program.commands.map((command) => [command.name(), command.description()])).toEqual([
    [name, summary],
  ])
})

it.each([['--help'], ['-h'], ['help']])('%s shows every command and every setting', async (option) => {
  const { code, stdout } = await plinth(option)
  expect(code).toBe(0)
  for (const { name } of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
  for (const name of ['PLINTH_PORT', 'PLINTH_DATA_DIR', 'DATABASE_URL', 'DIRECT_URL', 'PLINTH_LOG'])
    expect(stdout).toContain(name)
})

it('tells its version', async () => {
  expect(await plinth('--version')).toMatchObject({ code: 0, stdout: `Plinth ${manifest.version}\n` })
})

it('explains one command, whichever way it is asked', async () => {
  const asked = await Promise.all([plinth('help', 'status'), plinth('status', '--help')])
  for (const { stdout } of asked) expect(stdout).toContain('--json')
})

it.each([
  { given: ['status', '--json'], line: /^plinth: No server is running on / },
  { given: ['status', '-o', 'yaml'], line: /Allowed choices are json, env/ },
  { given: ['statsu'], line: /^plinth: There is no system statsu/ },
  { given: ['--demmo'], line: /unknown option '--demmo'/ },
])(
  'refuses $given in one clear line, with code 1 and nothing on standard output',
  async ({ given, line }) => {
    const { code, stdout, stderr } = await plinth(...given)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(line)
  },
)

describe('plinth settings', () => {
  /** Runs in one data folder, with a secret on standard input. */
  async function inFolder() {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-cli-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    return (given: readonly string[], input = '', environment: Record<string, string> = {}) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const env = { ...ground, PLINTH_DATA_DIR: folder, ...environment }
        const child = execFile(process.execPath, [cli, ...given], { env }, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
        )
        child.stdin!.end(input)
      })
  }
  const rowsOf = (stdout: string) => JSON.parse(stdout) as { name: string; value: string; source: string }[]

  it('sets one in the data folder, shows where it comes from, and takes it back', async () => {
    const run = await inFolder()
    expect(await run(['settings', 'set', 'shops', 'auth.disableSignup', 'true'])).toMatchObject({ code: 0 })
    const one = async (environment = {}) => {
      const { stdout } = await run(['settings', 'list', 'shops', '--json'], '', environment)
      return rowsOf(stdout).find(({ name }) => name === 'auth.disableSignup')
    }
    expect(await one()).toMatchObject({ value: 'true', source: 'file' })
    expect(await one({ PLINTH_SHOPS_AUTH_DISABLE_SIGNUP: 'false' })).toMatchObject({
      value: 'false',
      source: 'environment',
    })
    await run(['settings', 'unset', 'shops', 'auth.disableSignup'])
    expect(await one()).toMatchObject({ value: 'false', source: 'default' })
  })

  it('takes no secret on the command line, which others can read', async () => {
    const run = await inFolder()
    const told = await run(['settings', 'set', 'shops', 'jwtSecret', 'x'.repeat(40)])
    expect(told).toMatchObject({ code: 1, stdout: '' })
    expect(told.stderr).toContain('[secret_needs_input]')
    await run(['settings', 'set', 'shops', 'jwtSecret'], `${'s'.repeat(40)}\n`)
    const { stdout } = await run(['settings', 'list', 'shops', '--json'])
    expect(rowsOf(stdout)).toContainEqual(expect.objectContaining({ name: 'jwtSecret', value: '(set)' }))
    expect(stdout).not.toContain('ssss')
  })

  it('refuses unknown names and wrong values, and changes nothing', async () => {
    const run = await inFolder()
    const unknown = await run(['settings', 'set', 'shops', 'auth.disableSignups', 'false'])
    expect(unknown.stderr).toContain('Did you mean auth.disableSignup?')
    const wrong = await run(['settings', 'set', 'shops', 'auth.disableSignup', 'perhaps'])
    expect([unknown.code, wrong.code, wrong.stdout]).toEqual([1, 1, ''])
    expect(rowsOf((await run(['settings', 'list', 'shops', '--json'])).stdout)).not.toContainEqual(
      expect.objectContaining({ source: 'file' }),
    )
  })
})
