import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, lchown, lstat, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { engineErrors } from './errors.ts'

/** A running program of PostgreSQL: it reads nothing, and what it says can be read. */
export type Program = ChildProcessByStdio<null, Readable, Readable>

/** Whose powers PostgreSQL's programs run with: they refuse to run with root's. */
export interface Account {
  start(program: string, args: readonly string[], options?: Pick<SpawnOptions, 'detached'>): Program
  /** Makes `path` and everything below it the account's own. */
  own(path: string): Promise<void>
  /** Fails with `data_folder_closed`, naming the first folder on the way to `path` that the account cannot enter. */
  checkReach(path: string): Promise<void>
}

/**
 * The account for a cluster: this process's user unless that is root. Root uses the cluster's owner when that is
 * somebody else, else a user namespace (files stay root's, private folders work), else `nobody`.
 */
export async function chooseAccount(cluster: string): Promise<Account> {
  if (process.getuid?.() !== 0) return sameUser
  const owner = await stat(cluster).catch(() => undefined)
  if (owner && owner.uid !== 0) return otherUser({ name: String(owner.uid), uid: owner.uid, gid: owner.gid })
  if (await succeeds(userNamespace.start('/bin/sh', ['-c', 'exit 0']))) return userNamespace
  return otherUser(await readNobody())
}

/** Runs a program to its end. */
export async function runProgram(account: Account, program: string, args: readonly string[]) {
  const child = account.start(program, args)
  const end = () => child.kill()
  process.once('exit', end)
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const [code, signal] = await once(child, 'close').finally(() => process.off('exit', end))
  return { succeeded: code === 0, how: signal ?? `code ${code}`, output: Buffer.concat(output).toString() }
}

const sameUser: Account = {
  start: startProgram,
  own: async () => {},
  checkReach: async () => {},
}

/** The number inside the namespace; any but 0 will do. */
const insideUid = 1000
const namespaceArgs = ['--user', `--map-user=${insideUid}`, `--map-group=${insideUid}`, '--']

/** Inside, root's files belong to an ordinary user; outside, that user is still root, so every folder is open. */
const userNamespace: Account = {
  ...sameUser,
  start: (program, args, options) => startProgram('unshare', [...namespaceArgs, program, ...args], options),
}

function otherUser(user: { name: string; uid: number; gid: number }): Account {
  const { uid, gid } = user
  const start = (program: string, args: readonly string[], options: SpawnOptions = {}) =>
    startProgram(program, args, { ...options, uid, gid })
  return {
    start,
    own: (path) => chownTree(path, user),
    checkReach: async (path) => {
      for (const folder of foldersTo(path)) {
        if (!(await exists(folder))) return
        const entered = await succeeds(start('/bin/sh', ['-c', 'cd "$1"', 'sh', folder]))
        if (!entered) throw engineErrors.data_folder_closed({ account: user.name, folder })
      }
    },
  }
}

/** Nothing of the caller's locale or PG… variables reaches the program. */
const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

function startProgram(program: string, args: readonly string[], options: SpawnOptions = {}): Program {
  return spawn(program, args, { ...options, cwd: '/', env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function succeeds(child: Program): Promise<boolean> {
  const [code] = await once(child, 'exit').catch(() => [undefined])
  return code === 0
}

async function readNobody() {
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8'))
  return { name: 'nobody', uid: Number(line?.[1] ?? 65_534), gid: Number(line?.[2] ?? 65_534) }
}

/** The top goes last: when it has the right owner already, everything below it has. */
async function chownTree(path: string, user: { uid: number; gid: number }): Promise<void> {
  const found = await lstat(path)
  if (found.uid === user.uid) return
  if (found.isDirectory()) for (const name of await readdir(path)) await chownTree(join(path, name), user)
  await lchown(path, user.uid, user.gid)
}

/** `/a/b` → `/`, `/a`, `/a/b`. */
function foldersTo(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...foldersTo(parent), path]
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
