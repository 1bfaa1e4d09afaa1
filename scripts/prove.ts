/**
 * Takes each fix out of a copy of the tree and expects the test that claims it to fail: `npm run prove -- hardening`.
 * Words after it narrow it down to points: `npm run prove -- hardening 5a 12`. Takes about ten minutes; for the night.
 */
import { copyTree } from './proofs/copy-tree.ts'
import { hardening } from './proofs/hardening.ts'
import { isScript, type Proof } from './proofs/proof.ts'
import { look, runWithMistake, type Verdict } from './proofs/run-proof.ts'

const lists: Readonly<Record<string, readonly Proof[]>> = { hardening }
const [name = '', ...points] = process.argv.slice(2)
const list = lists[name]
if (!list) {
  process.stderr.write(`npm run prove -- ${Object.keys(lists).join('|')} [point …]\n`)
  process.exit(2)
}
const chosen = list.filter(({ point }) => points.length === 0 || points.includes(point))
const copy = await copyTree()
const failed: string[] = []
/** Whether it passes without any mistake, by what notices it. */
const sound = new Map<string, Promise<Verdict>>()
try {
  for (const proof of chosen) {
    const problem = await tryProof(proof)
    if (problem) failed.push(`${proof.point}: ${problem}`)
  }
} finally {
  await copy.remove()
}
say(`${chosen.length - failed.length} of ${chosen.length} mistakes are noticed`)
for (const problem of failed) say(problem)
process.exitCode = failed.length === 0 && chosen.length > 0 ? 0 : 1

/** Undefined when the mistake is noticed, and nothing is found without it. */
async function tryProof(proof: Proof): Promise<string | undefined> {
  const { point, mistake, noticedBy } = proof
  const by = isScript(noticedBy) ? noticedBy.script : `${noticedBy.file}: ${noticedBy.test}`
  const known = sound.get(by) ?? look(copy.folder, noticedBy)
  sound.set(by, known)
  const before = await known
  const after = before.verdict === 'green' ? await runWithMistake(copy.folder, proof) : before
  const isNoticed = before.verdict === 'green' && after.verdict === 'red'
  say(
    `${isNoticed ? 'ok    ' : 'FAILED'} ${point.padEnd(4)} ${mistake}\n         ${by}\n         ${after.reason}`,
  )
  if (isNoticed) return undefined
  return before.verdict === 'green'
    ? `${after.verdict}: ${after.reason}`
    : `without the mistake it is ${before.verdict}: ${before.reason}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
