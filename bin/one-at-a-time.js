import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from './refusal.js'

/** Milliseconds between two looks at whether the other launcher is done. */
const pause = 250
/** Milliseconds between two signs of life of the one that installs. */
const beat = 1_000
/** Looks without a sign of life (10 s) after which the mark's process is taken for another one of the same number. */
const patience = 40

export function checkWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    throw new Refusal(
      `${folder} cannot be written, and something has to be installed there: run it once as its owner`,
    )
  }
}

/** Runs `work` while no other launcher does that holds `mark`, a file; that of one that was killed is taken over. */
export async function oneAtATime(mark, work) {
  mkdirSync(dirname(mark), { recursive: true })
  await take(mark)
  const beating = setInterval(() => showLife(mark), beat)
  try {
    await work()
  } finally {
    clearInterval(beating)
    rmSync(mark, { force: true })
  }
}

async function take(mark) {
  let told = false
  let seen = {}
  for (;;) {
    if (tryToTake(mark) && (await isStillOurs(mark))) return
    const holder = readHolder(mark)
    if (holder === undefined) continue
    const looks = holder.beat === seen.beat ? seen.looks + 1 : 0
    seen = { beat: holder.beat, looks }
    if (!isRunning(holder.pid) || looks > patience) {
      rmSync(mark, { force: true })
      continue
    }
    if (!told) {
      process.stderr.write(`plinth: waiting for process ${holder.pid}, which is installing (${mark})\n`)
    }
    told = true
    await delay(pause)
  }
}

/** Two that find the mark of a dead one at the same instant may both remove it: the later one, then, this one's. */
async function isStillOurs(mark) {
  await delay(pause / 5)
  return readHolder(mark)?.pid === process.pid
}

/** A process number alone proves little: after a restart, or in a container, it is soon somebody else's. */
function showLife(mark) {
  const now = new Date()
  try {
    utimesSync(mark, now, now)
  } catch {
    // Somebody removed it: there is nothing left to keep alive.
  }
}

/** A link appears whole or not at all, so nobody ever reads a mark without a number. */
function tryToTake(mark) {
  const own = `${mark}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, mark)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

function readHolder(mark) {
  try {
    return { pid: Number(readFileSync(mark, 'utf8')), beat: statSync(mark).mtimeMs }
  } catch {
    return undefined
  }
}

/** This process cannot be the one that it waits for: in a container every start may have the same number. */
function isRunning(pid) {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
