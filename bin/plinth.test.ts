import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@plinth/testing'
import { describe, expect, onTestFinished, test } from 'vitest'

describe('packages', () => {
  test('are installed when they are missing, once', async () => {
    const repository = await makeRepository()
    const first = await run(repository, ['status', '--json'])
    expect(first).toMatchObject({ code: 0, stdout: 'server ["status","--json"]\n' })
    expect(first.stderr).toMatch(
      /^plinth: installing npm packages \(once\) …\nplinth: installed npm packages in \d+ s\n$/,
    )
    const second = await run(repository, ['status'])
    expect(second).toMatchObject({ code: 0, stderr: '' })
    expect(await npmCalls(repository)).toHaveLength(1)
    expect((await npmCalls(repository))[0]).toMatch(/^install --no-save --omit=dev --include=optional /)
  })

  test('of developers are installed when a command of theirs asks for them, and stay', async () => {
    const repository = await makeRepository()
    await run(repository, ['status'])
    const first = await run(repository, ['develop', 'scripts/tell.ts'])
    expect(first.stderr).toContain('plinth: installing npm packages with the tools of developers (once) …')
    expect((await npmCalls(repository)).at(-1)).toMatch(/^install --no-save --include=dev /)
    await run(repository, ['develop', 'scripts/tell.ts'])
    await run(repository, ['status'])
    expect(await npmCalls(repository)).toHaveLength(2)
    await changeLockFile(repository, 60_000)
    await run(repository, ['status'])
    expect((await npmCalls(repository)).at(-1)).toMatch(/^install --no-save --include=dev /)
  })

  test('are installed once by launchers that start at the same instant', async () => {
    const repository = await makeRepository({ npm: `sleep 1\n${installs}` })
    const runs = await Promise.all([1, 2, 3].map(() => run(repository, ['status'])))
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(await npmCalls(repository)).toHaveLength(1)
  })

  test('are installed anew when the lock file has changed', async () => {
    const repository = await makeRepository()
    await run(repository, ['status'])
    await changeLockFile(repository, 60_000)
    expect(await run(repository, ['status'])).toMatchObject({ code: 0 })
    expect(await npmCalls(repository)).toHaveLength(2)
  })

  test('are left alone when somebody ran npm by hand', async () => {
    const repository = await makeRepository()
    await changeLockFile(repository, -60_000)
    await mkdir(join(repository, 'node_modules', 'tool'), { recursive: true })
    await writeFile(join(repository, 'node_modules', '.package-lock.json'), '{}')
    expect(await run(repository, ['status'])).toMatchObject({ code: 0, stderr: '' })
    expect(await run(repository, ['develop', 'scripts/tell.ts'])).toMatchObject({ code: 0, stderr: '' })
    expect(await npmCalls(repository)).toEqual([])
  })

  test.each([true, false])('are given up by Ctrl-C, and npm with them (an old Node: %s)', async (old) => {
    // As npm itself: a Node program takes signals even where the shell that started the tests ignores them.
    const waiting = `require('fs').writeFileSync('npm-pid', String(process.pid)); setTimeout(() => {}, 600_000)`
    const repository = await makeRepository({ npm: `exec '${process.execPath}' -e "${waiting}"` })
    const pidFile = join(repository, 'npm-pid')
    const outcome = run(repository, ['status'], {
      old,
      onStart: async (child) => {
        await waitFor(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', {
          what: 'npm to start',
        })
        child.kill('SIGINT')
      },
    })
    expect(await outcome).toMatchObject({ signal: 'SIGINT', stdout: '' })
    const npm = Number(await readFile(pidFile, 'utf8'))
    expect(() => process.kill(npm, 0)).toThrow('ESRCH')
  })

  test('are installed though a launcher was killed while it installed', async () => {
    const repository = await makeRepository()
    const dead = spawn(process.execPath, ['--version'])
    await once(dead, 'exit')
    await mkdir(join(repository, '.plinth'))
    await writeFile(join(repository, '.plinth', 'installing.pid'), String(dead.pid))
    expect(await run(repository, ['status'])).toMatchObject({ code: 0 })
    expect(await readdir(join(repository, '.plinth'))).not.toContain('installing.pid')
  })
})

test('a mark whose number belongs to somebody else by now does not block for ever', async () => {
  const repository = await makeRepository()
  await mkdir(join(repository, '.plinth'))
  await writeFile(join(repository, '.plinth', 'installing.pid'), String(process.pid))
  const { code, stderr } = await run(repository, ['status'])
  expect(code).toBe(0)
  expect(stderr).toContain(`plinth: waiting for process ${process.pid}, which is installing`)
})

test('a mark with the launcher’s own number, as in a container that starts again, does not block', async () => {
  const repository = await makeRepository()
  await mkdir(join(repository, '.plinth'))
  const mark = join(repository, '.plinth', 'installing.pid')
  const own = `echo $$ > '${mark}'; exec "$@"`
  const { code, stderr } = await run(repository, ['status'], { wrapper: ['sh', '-c', own, 'sh'] })
  expect(code).toBe(0)
  expect(stderr).not.toContain('waiting')
})

describe('a failure is one clear line', () => {
  const failures = [
    { npm: 'echo "npm error code ENOTFOUND" >&2; exit 1', line: /the npm registry cannot be reached/ },
    {
      npm: 'echo "npm http fetch GET https://registry attempt 3 failed with EAI_AGAIN" >&2; exec sleep 60',
      line: /the npm registry cannot be reached/,
    },
    { npm: 'echo "npm error code ENOSPC" >&2; exit 1', line: /the disk is full/ },
    { npm: 'echo "npm error code EACCES" >&2; exit 1', line: /cannot be written by this user/ },
    {
      npm: 'echo "npm error code E403" >&2; echo "npm error 403 Forbidden" >&2; exit 1',
      line: /failed: 403 Forbidden/,
    },
    { npm: 'exit 9', line: /npm ended with code 9/ },
  ]
  test.each(failures)('of npm: $line', async ({ npm, line }) => {
    const { code, stdout, stderr } = await run(await makeRepository({ npm }), ['status'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.trim().split('\n')).toEqual([
      'plinth: installing npm packages (once) …',
      expect.stringMatching(line),
    ])
  })

  test('without npm', async () => {
    const repository = await makeRepository()
    await rm(join(repository, 'tools', 'npm'))
    const { code, stderr } = await run(repository, ['status'], { path: join(repository, 'tools') })
    expect(code).toBe(1)
    expect(stderr).toContain('plinth: npm was not found: it comes with Node.js')
  })

  test('in a folder that cannot be written', async () => {
    const repository = await makeRepository()
    await chmod(repository, 0o555)
    const { code, stderr } = await run(repository, ['status'], { wrapper: withoutRootPowers })
    await chmod(repository, 0o755)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `plinth: ${repository} cannot be written, and something has to be installed there: run it once as its owner\n`,
    })
  })

  test('for a script that is not there', async () => {
    const repository = await makeRepository()
    await run(repository, ['status'])
    expect(await run(repository, ['run', 'nowhere.ts'])).toMatchObject({
      code: 1,
      stderr: `plinth: there is no script ${join(repository, 'nowhere.ts')}\n`,
    })
    expect((await run(repository, ['run'])).stderr).toContain('needs a script')
  })
})

describe('on a Node that is too old', () => {
  test('another one is brought, once, and takes over', async () => {
    const repository = await makeRepository()
    const first = await run(repository, ['run', 'scripts/tell.ts', 'a b', '--flag'], { old: true })
    expect(first.stderr).toContain('plinth: installing Node 24 (found v20.11.1) (once) …')
    expect(JSON.parse(first.stdout)).toMatchObject({
      args: ['a b', '--flag'],
      path: join(brought(repository), 'bin'),
    })
    const again = await run(repository, ['run', 'scripts/tell.ts'], { old: true })
    expect(again.stderr).toBe('')
    const [node, packages, ...more] = (await npmCalls(repository)).toSorted().reverse()
    expect(node).toMatch(
      new RegExp(`^install ${nodePackage}@24 --prefix .+\\.part --no-save --ignore-scripts `),
    )
    expect(packages).toMatch(/^install --no-save/)
    expect(more).toEqual([])
  })

  test('one that does not run here is not kept', async () => {
    const repository = await makeRepository({ node: '#!/nowhere/loader\n' })
    const { code, stderr } = await run(repository, ['status'], { old: true })
    expect(code).toBe(1)
    expect(stderr).toContain('plinth: the Node that npm brought does not run on this machine (ENOENT)')
    expect(existsSync(brought(repository))).toBe(false)
  })

  test('exit code, signals and the way it died are the script’s own', async () => {
    const repository = await makeRepository()
    expect(await run(repository, ['run', 'scripts/end.ts', 'exit'], { old: true })).toMatchObject({
      code: 42,
    })
    expect(await run(repository, ['run', 'scripts/end.ts', 'kill'], { old: true })).toMatchObject({
      signal: 'SIGKILL',
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const outcome = run(repository, ['run', 'scripts/end.ts', 'wait'], {
        old: true,
        onOutput: (child) => child.kill(signal),
      })
      expect(await outcome).toMatchObject({ code: 7, stdout: `ready\n${signal}\n` })
    }
  })

  test('a Ctrl-C, which reaches the whole process group, reaches the script once', async () => {
    const repository = await makeRepository()
    const { stdout } = await run(repository, ['run', 'scripts/end.ts', 'count'], {
      old: true,
      onOutput: (child) => process.kill(-child.pid!, 'SIGINT'),
    })
    expect(stdout).toBe('ready\nSIGINT 1\n')
  })

  test('a launcher that is killed takes the script along', async () => {
    const repository = await makeRepository()
    const { stdout } = await run(repository, ['run', 'scripts/end.ts', 'wait'], {
      old: true,
      onOutput: (child) => child.kill('SIGKILL'),
    })
    expect(stdout).toBe('ready\n')
  })

  test('TypeScript switched off by NODE_OPTIONS is told, not tried again', async () => {
    const node = fakeNode().replace('exec ', 'exec env NODE_OPTIONS=--no-strip-types ')
    const { code, stderr } = await run(await makeRepository({ node }), ['status'], { old: true })
    expect(code).toBe(1)
    expect(stderr).toContain('plinth: TypeScript is switched off in Node: look at NODE_OPTIONS')
  })
})

test('a script runs where the user stands, in the launcher’s own process', async () => {
  const repository = await makeRepository()
  await run(repository, ['status'])
  const elsewhere = await realpath(tmpdir())
  const { stdout, pid } = await run(repository, ['run', 'scripts/tell.ts'], { cwd: elsewhere })
  expect(JSON.parse(stdout)).toMatchObject({
    cwd: elsewhere,
    pid,
    script: join(repository, 'scripts', 'tell.ts'),
  })
})

const nodePackage = `node-${process.platform}-${process.arch}`
const brought = (repository: string) =>
  join(repository, '.plinth', `${nodePackage}-24`, 'node_modules', nodePackage)

const withoutRootPowers =
  process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'] : []

/** What npm does as far as the launcher can tell. */
const installs = `mkdir -p node_modules && echo "{}" > node_modules/.package-lock.json
case "$*" in *--include=dev*) mkdir -p node_modules/tool ;; esac`

/**
 * A repository with our launcher, two scripts, and an npm of its own (`tools/npm`) that notes how it was called and
 * then does what `npm` says; asked for a Node, it delivers this one under the name of version 24.
 */
async function makeRepository({ npm = installs, node = fakeNode() } = {}): Promise<string> {
  const repository = await realpath(await mkdtemp(join(tmpdir(), 'plinth launcher ')))
  onTestFinished(() => rm(repository, { recursive: true, force: true }))
  await cp(dirname(fileURLToPath(import.meta.url)), join(repository, 'bin'), { recursive: true })
  for (const folder of ['server/src', 'scripts', 'tools'])
    await mkdir(join(repository, folder), { recursive: true })
  const files = {
    'package.json': '{ "type": "module", "devDependencies": { "tool": "*" } }',
    'package-lock.json': '{}',
    'server/src/cli.ts': `const args: string[] = process.argv.slice(2)\nconsole.log('server', JSON.stringify(args))`,
    'scripts/tell.ts': tellScript,
    'scripts/end.ts': endScript,
    'tools/old.cjs': `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.1' } })
      Object.defineProperty(process, 'version', { value: 'v20.11.1' })`,
    'tools/node-24': node,
    'tools/npm': `#!/bin/sh
      echo "$@" >> '${repository}/npm-calls'
      case "$2" in
        ${nodePackage}@24)
          mkdir -p "$4/node_modules/${nodePackage}/bin"
          cp '${repository}/tools/node-24' "$4/node_modules/${nodePackage}/bin/node"
          exit
      esac
      ${npm}`,
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(repository, name), content, { mode: name.startsWith('tools/') ? 0o755 : 0o644 })
  }
  return repository
}

function fakeNode(): string {
  return `#!/bin/sh\n[ "$1" = --version ] && echo v24.99.0 && exit\nexec '${process.execPath}' "$@"\n`
}

const tellScript = `
  const [, script, ...args]: string[] = process.argv
  const path: string = process.env.PATH!.split(':')[0]!
  console.log(JSON.stringify({ script, args, path, pid: process.pid, cwd: process.cwd() }))`

const endScript = `
  const how: string = process.argv[2]!
  if (how === 'exit') process.exit(42)
  if (how === 'kill') process.kill(process.pid, 'SIGKILL')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      console.log(signal)
      process.exit(7)
    })
  }
  if (how === 'count') {
    let count = 0
    process.removeAllListeners('SIGINT').on('SIGINT', () => {
      // Long enough for a second one to arrive.
      if (++count === 1) setTimeout(() => process.exit(console.log('SIGINT', count)), 500)
    })
  }
  setInterval(() => {}, 1000)
  console.log('ready')`

interface RunOptions {
  /** Makes the launcher believe that it runs on Node 20. */
  readonly old?: boolean
  readonly cwd?: string
  readonly path?: string
  readonly wrapper?: readonly string[]
  readonly onStart?: (child: ChildProcess) => Promise<void>
  readonly onOutput?: (child: ChildProcess) => void
}

async function run(repository: string, args: readonly string[], options: RunOptions = {}) {
  const { old, cwd = repository, wrapper = [], onStart, onOutput } = options
  const { path = `${join(repository, 'tools')}:/usr/bin:/bin` } = options
  const preload = old ? ['--require', join(repository, 'tools', 'old.cjs')] : []
  const [file, ...rest] = [
    ...wrapper,
    process.execPath,
    ...preload,
    join(repository, 'bin', 'plinth.js'),
    ...args,
  ]
  const child = spawn(file!, rest, { cwd, env: { PATH: path }, detached: true })
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => {
    if (stdout.push(String(chunk)) === 1) onOutput?.(child)
  })
  child.stderr.on('data', (chunk: Buffer) => stderr.push(String(chunk)))
  const closed = once(child, 'close')
  await onStart?.(child)
  const [code, signal] = await closed
  return { pid: child.pid, code, signal, stdout: stdout.join(''), stderr: stderr.join('') }
}

async function npmCalls(repository: string): Promise<string[]> {
  const calls = await readFile(join(repository, 'npm-calls'), 'utf8').catch(() => '')
  return calls.split('\n').filter(Boolean)
}

async function changeLockFile(repository: string, milliseconds: number): Promise<void> {
  const file = join(repository, 'package-lock.json')
  await writeFile(file, `{ "changed": ${milliseconds} }`)
  const time = new Date(Date.now() + milliseconds)
  await utimes(file, time, time)
}
