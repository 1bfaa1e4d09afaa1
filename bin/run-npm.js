import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Refusal } from './refusal.js'

const attempts = 3

const options = [
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--prefer-offline',
  '--loglevel=http',
  `--fetch-retries=${attempts - 1}`,
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
]

/** One address that cannot be reached is enough: npm would go on for minutes, trying every other one. */
const lastAttempt = new RegExp(`attempt ${attempts} failed with (E\\w+)`)

const reasons = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR/,
    'the npm registry cannot be reached: check the network (or the proxy) and run this again',
  ],
  [/ENOSPC/, 'the disk is full'],
  [/EACCES|EPERM|EROFS/, 'the folder (or npm’s cache) cannot be written by this user'],
]

/** Runs npm and says how far it is; standard output stays free for the command that was asked for. */
export async function runNpm(args, { what, cwd }) {
  const started = Date.now()
  const child = spawn('npm', [...args, ...options], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const lines = []
  let fetched = 0
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (/^npm error/.test(line)) lines.push(line)
    if (/^npm http .*\.tgz/.test(line)) fetched++
    if (!lastAttempt.test(line)) return
    lines.push(line)
    child.kill()
  })
  const stopProgress = showProgress(() => `${what}: ${fetched} fetched, ${seconds(started)} s`, what)
  const endSharing = shareSignals(child)
  const [code] = await once(child, 'close')
    .catch((error) => {
      throw new Refusal(
        error.code === 'ENOENT'
          ? 'npm was not found: it comes with Node.js (https://nodejs.org)'
          : `npm could not be started: ${error.message}`,
      )
    })
    .finally(stopProgress)
  endSharing()
  if (code !== 0) throw new Refusal(`installing ${what} failed: ${explain(lines, code)}`)
  process.stderr.write(`plinth: installed ${what} in ${seconds(started)} s\n`)
}

/** Whoever ends the launcher ends npm as well; returns what ends the launcher then, if anybody asked for it. */
function shareSignals(child) {
  let received
  const pass = (signal) => {
    received = signal
    child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, pass)
  return () => {
    for (const signal of signals) process.off(signal, pass)
    if (received) process.kill(process.pid, received)
  }
}

const seconds = (started) => Math.round((Date.now() - started) / 1000)

/** What is under way, each as a function that says how far it is. */
const underWay = new Set()
let timer

/** A line that is renewed every second, or where nobody watches one line at the start. */
function showProgress(describe, what) {
  if (!process.stderr.isTTY) {
    process.stderr.write(`plinth: installing ${what} (once) …\n`)
    return () => {}
  }
  underWay.add(describe)
  timer ??= setInterval(draw, 1000)
  draw()
  return () => {
    underWay.delete(describe)
    process.stderr.write('\r\u001b[K')
    if (underWay.size > 0) return draw()
    clearInterval(timer)
    timer = undefined
  }
}

function draw() {
  process.stderr.write(
    `\r\u001b[Kplinth: installing ${[...underWay].map((describe) => describe()).join(' · ')}`,
  )
}

function explain(lines, code) {
  const known = reasons.find(([pattern]) => pattern.test(lines.join('\n')))
  if (known) return known[1]
  const said = lines
    .map((line) => line.replace(/^npm error ?/, ''))
    .filter((line) => line && !/^code /.test(line))
  return said[0] ?? `npm ended with code ${code}`
}
