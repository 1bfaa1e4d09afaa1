import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execute } from '../check/execute.ts'
import { applyEdit, isScript, type Proof, type TestName } from './proof.ts'

/** What a run said. `red`: the named test failed, or the program did. `unclear`: neither green nor that. */
export interface Verdict {
  readonly verdict: 'red' | 'green' | 'unclear'
  /** Why it is red, or what else happened. */
  readonly reason: string
}

/** The part of Vitest's JSON report that is read. */
interface Report {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** Milliseconds after which a run is ended. */
const patience = 900_000
/** Milliseconds that a test may take: many mistakes show by an answer that does not come. Tests may give themselves more. */
const testTimeout = 40_000

/** Makes the mistake in a copy of the tree, runs what has to notice it, and takes the mistake back. */
export async function runWithMistake(folder: string, { edits, noticedBy }: Proof): Promise<Verdict> {
  const before = new Map<string, string>()
  for (const edit of edits) {
    const file = join(folder, edit.file)
    const text = await readFile(file, 'utf8')
    if (!before.has(file)) before.set(file, text)
    await writeFile(file, applyEdit(text, edit))
  }
  try {
    return await look(folder, noticedBy)
  } finally {
    for (const [file, text] of before) await writeFile(file, text)
  }
}

/** Runs what has to notice a mistake on the tree as it is. */
export async function look(folder: string, noticedBy: Proof['noticedBy']): Promise<Verdict> {
  if (!isScript(noticedBy)) return runTest(folder, noticedBy)
  const { code, output } = await execute(process.execPath, [noticedBy.script], {}, { cwd: folder, patience })
  return { verdict: code === 0 ? 'green' : 'red', reason: shorten(output) }
}

async function runTest(folder: string, { file, test }: TestName): Promise<Verdict> {
  const report = join(folder, 'proof-report.json')
  await rm(report, { force: true })
  const { code, output } = await execute(
    process.execPath,
    [
      join(folder, 'node_modules', 'vitest', 'vitest.mjs'),
      ...['run', '--project', projectOf(file), '--maxWorkers=1', ...timeoutOf(file)],
      ...['--reporter=json', `--outputFile=${report}`, '-t', asPattern(test), file],
    ],
    { NO_COLOR: '1', CI: '' },
    { cwd: folder, patience },
  )
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text === undefined) return { verdict: 'unclear', reason: `it did not end: ${shorten(output)}` }
  return judge(JSON.parse(text) as Report, test, { code, output })
}

function judge(
  { testResults }: Report,
  test: string,
  { code, output }: { readonly code: number; readonly output: string },
): Verdict {
  const named = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName, status }) => fullName.endsWith(test) && status !== 'skipped' && status !== 'pending')
  const failed = named.find(({ status }) => status === 'failed')
  if (failed) return { verdict: 'red', reason: shorten(failed.failureMessages[0] ?? '') }
  const broken = testResults.find(({ message }) => message !== '')
  if (named.length === 0)
    return { verdict: 'unclear', reason: `it did not run: ${shorten(broken?.message ?? output)}` }
  if (broken) return { verdict: 'unclear', reason: shorten(broken.message) }
  // What nobody catches ends a server; Vitest catches it and fails the run.
  return code === 0
    ? { verdict: 'green', reason: '' }
    : { verdict: 'red', reason: 'an error that nobody caught' }
}

const projectOf = (file: string): string => {
  if (file.endsWith('.e2e.test.ts')) return 'end-to-end'
  return file.endsWith('.db.test.ts') ? 'database' : 'pure'
}

/** What starts servers takes its time; the configuration gives it. */
const timeoutOf = (file: string): readonly string[] =>
  projectOf(file) === 'end-to-end' ? [] : [`--testTimeout=${testTimeout}`]

/** `-t` takes a regular expression. */
const asPattern = (name: string): string => `${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`

const shorten = (text: string): string => text.trim().split('\n').slice(0, 2).join(' ').slice(0, 160)
