import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, lchown, lstat, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { engineErrors } from './errors.ts'

/** A program as it is to be started: PostgreSQL refuses to run with root's powers. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly options: Pick<SpawnOptions, 'uid' | 'gid'>
}

/** All that PostgreSQL's programs see: nothing of the caller's locale or PG… variables. */
export const programEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/** Whose powers PostgreSQL runs with. */
export interface Account {
  command(program: string, args: readonly string[]): Command
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
  if (process.getuid?.() !== 0) return ownAccount
  const owner = await stat(cluster).catch(() => undefined)
  if (owner && owner.uid !== 0)
    return otherAccount({ name: String(owner.uid), uid: owner.uid, gid: owner.gid })
  if (await userNamespacesWork()) return userNamespace
  return otherAccount(await readNobody())
}

const ownAccount: Account = {
  command: (file, args) => ({ file, args, options: {} }),
  own: async () => {},
  checkReach: async () => {},
}

/** The number inside the namespace; any but 0 will do. */
const insideUid = 1000
const namespaceArgs = ['--user', `--map-user=${insideUid}`, `--map-group=${insideUid}`, '--']

/** Inside, root's files belong to an ordinary user; outside, that user is still root, so every folder is open. */
const userNamespace: Account = {
  ...ownAccount,
  command: (program, args) => ({ file: 'unshare', args: [...namespaceArgs, program, ...args], options: {} }),
}

const userNamespacesWork = () => succeeds(userNamespace.command('/bin/sh', ['-c', 'exit 0']))

function otherAccount(user: { name: string; uid: number; gid: number }): Account {
  const options = { uid: user.uid, gid: user.gid }
  return {
    command: (file, args) => ({ file, args, options }),
    own: (path) => chownTree(path, user),
    checkReach: async (path) => {
      for (const folder of foldersTo(path)) {
        const exists = await access(folder).then(
          () => true,
          () => false,
        )
        if (!exists) return
        const entered = await succeeds({ file: '/bin/sh', args: ['-c', 'cd "$1"', 'sh', folder], options })
        if (!entered) throw engineErrors.data_folder_closed({ account: user.name, folder })
      }
    },
  }
}

async function readNobody() {
  const line = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(await readFile('/etc/passwd', 'utf8'))
  return { name: 'nobody', uid: Number(line?.[1] ?? 65_534) >>> 0, gid: Number(line?.[2] ?? 65_534) >>> 0 }
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

async function succeeds({ file, args, options }: Command): Promise<boolean> {
  const child = spawn(file, args, { ...options, env: programEnvironment, stdio: 'ignore', cwd: '/' })
  const [code] = await once(child, 'exit').catch(() => [-1])
  return code === 0
}
