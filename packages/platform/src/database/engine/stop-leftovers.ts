import { execFile } from 'node:child_process'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Log } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'

/** Milliseconds that each way of stopping gets before the next, harsher one. */
const patience = { fast: 30_000, immediate: 10_000, kill: 5_000 }

/**
 * Ends what a killed server left running on `cluster`, so that it can be started anew, and removes a `postmaster.pid`
 * that nobody is behind. Stopping was chosen over adopting: afterwards PostgreSQL is always our own child, with the
 * present settings and with no session of the dead server still holding locks.
 */
export async function stopLeftovers(cluster: string, log: Log): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  const content = await readFile(pidFile, 'utf8').catch(() => undefined)
  if (content === undefined) return
  // Not a number when a crash or a full disk left the file empty, which PostgreSQL itself would refuse for ever.
  const postmaster = Number.parseInt(content, 10)
  const found = await findProcesses(cluster, postmaster)
  if (found.length > 0)
    log.warn({ pids: found }, 'stopping the PostgreSQL that an earlier server left running')
  const orderly = found.includes(postmaster) && (await endedAfter('SIGINT', [postmaster], patience.fast))
  if (!orderly) await endHarshly()
  await rm(pidFile, { force: true })

  async function endHarshly() {
    for (const [signal, wait] of [
      ['SIGQUIT', patience.immediate],
      ['SIGKILL', patience.kill],
    ] as const) {
      if (await endedAfter(signal, await findProcesses(cluster, postmaster), wait)) return
    }
    throw engineErrors.postgres_not_started({ reason: 'processes of an earlier server do not end', log: '' })
  }

  async function endedAfter(signal: NodeJS.Signals, pids: readonly number[], wait: number) {
    for (const pid of pids) send(signal, pid)
    for (let waited = 0; waited < wait; waited += 50) {
      if ((await findProcesses(cluster, postmaster)).length === 0) return true
      await delay(50)
    }
    return false
  }
}

/** One that was suspended hears nothing until it goes on. */
function send(signal: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, signal)
    process.kill(pid, 'SIGCONT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * The running processes of a cluster. A process number alone proves nothing (numbers are reused): it must be a
 * `postgres` that stands in the cluster's folder.
 */
const findProcesses = process.platform === 'linux' ? findByFolder : findByCommand

async function findByFolder(cluster: string): Promise<number[]> {
  const home = await stat(cluster)
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const belongs = await Promise.all(
    pids.map(async (pid) => {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      if (name.trim() !== 'postgres') return false
      const cwd = await stat(`/proc/${pid}/cwd`).catch(() => undefined)
      return cwd?.ino === home.ino && cwd.dev === home.dev
    }),
  )
  return pids.filter((_, index) => belongs[index])
}

/** Without /proc only the postmaster can be told, by its command line; its children end with it. */
async function findByCommand(cluster: string, postmaster: number): Promise<number[]> {
  const ps = promisify(execFile)('ps', ['-p', String(postmaster), '-o', 'command='])
  const { stdout } = await ps.catch(() => ({ stdout: '' }))
  return stdout.includes(`postgres -D ${cluster} `) ? [postmaster] : []
}
