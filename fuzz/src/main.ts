/** Attacks a server of its own with bad input and says what must not happen: `npm run fuzz -- --minutes 10`. */
import { parseArgs } from 'node:util'
import { generators, type Surface } from './generators/index.ts'
import { describeFinding, describeRun } from './report.ts'
import { runFuzz } from './run-fuzz.ts'

const all = Object.keys(generators) as Surface[]
const usage = `npm run fuzz -- [--minutes N] [--seed N] [--only ${all.join('|')},…] [--json]\n`
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    only: { type: 'string', default: all.join(',') },
    json: { type: 'boolean', default: false },
  },
})
const surfaces = values.only.split(',') as Surface[]
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isSafeInteger(seed) || surfaces.some((name) => !all.includes(name))) {
  process.stderr.write(usage)
  process.exit(2)
}

const say = (text: string) => void process[values.json ? 'stderr' : 'stdout'].write(`${text}\n`)
say(`seed ${seed}, ${minutes} minutes, ${surfaces.join(', ')}`)
const report = await runFuzz({
  seconds: minutes * 60,
  seed,
  surfaces,
  onFinding: (finding) => say(describeFinding(finding)),
})
say(describeRun(report))
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
process.exitCode = report.findings.length === 0 ? 0 : 1
