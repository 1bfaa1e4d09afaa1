import { readdir, readFile } from 'node:fs/promises'

/** What a process and everything below it have used so far (Linux, /proc). */
export interface ProcessUsage {
  /** User and system time, seconds. */
  readonly cpuSeconds: number
  /** Memory of its own, shared pages counted by their share (PSS), bytes. */
  readonly memoryBytes: number
}

const ticksPerSecond = 100

/** Usage of process `root` and its descendants, split by whether the program is PostgreSQL. */
export async function readUsage(root: number): Promise<{ server: ProcessUsage; postgres: ProcessUsage }> {
  const processes = await readProcesses()
  const family = new Set([root])
  for (let grown = true; grown; ) {
    const more = processes.filter(({ pid, parent }) => family.has(parent) && !family.has(pid))
    for (const { pid } of more) family.add(pid)
    grown = more.length > 0
  }
  const members = processes.filter(({ pid }) => family.has(pid))
  const usageOf = async (wanted: boolean) => {
    const some = members.filter(({ name }) => name.startsWith('postgres') === wanted)
    const memory = await Promise.all(some.map(({ pid }) => readMemory(pid)))
    return { cpuSeconds: sum(some.map(({ ticks }) => ticks)) / ticksPerSecond, memoryBytes: sum(memory) }
  }
  return { server: await usageOf(false), postgres: await usageOf(true) }
}

async function readProcesses() {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map(readStat))
  return found.filter((process) => process !== undefined)
}

/** proc_pid_stat(5): the name is in parentheses and may hold blanks; fields are counted after it. */
async function readStat(pid: number) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
  return { pid, name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
}

async function readMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
