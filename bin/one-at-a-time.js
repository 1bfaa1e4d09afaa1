import { accessSync, constants, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from './refusal.js'

/** Milliseconds between two looks at whether the other launcher is done. */
const pause = 250

export function checkWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    throw new Refusal(
      `${folder} cannot be written, and something has to be installed there: run it once as its owner`,
    )
  }
}

/** Runs `work` while no other launcher of this repository does; the mark of one that was killed is taken over. */
export async function oneAtATime(home, work) {
  mkdirSync(home, { recursive: true })
  const mark = join(home, 'installing.pid')
  await take(mark)
  try {
    await work()
  } finally {
    rmSync(mark, { force: true })
  }
}

async function take(mark) {
  let told = false
  for (;;) {
    if (tryToTake(mark)) return
    const holder = readHolder(mark)
    if (holder === undefined) continue
    if (!isRunning(holder)) {
      rmSync(mark, { force: true })
      continue
    }
    if (!told) process.stderr.write(`plinth: waiting for process ${holder}, which is installing (${mark})\n`)
    told = true
    await delay(pause)
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
    return Number(readFileSync(mark, 'utf8'))
  } catch {
    return undefined
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
