/** One mistake that would undo a fix, and what has to notice it. */
export interface Proof {
  /** Number of the point in the issue, with a letter where one point has several. */
  readonly point: string
  /** What somebody could do wrong, in one phrase. */
  readonly mistake: string
  readonly edits: readonly Edit[]
  readonly noticedBy: TestName | Script
}

/** One place in the code, which has to be there exactly once. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  readonly take: string
  readonly give: string
}

export interface TestName {
  /** From the root of the repository. */
  readonly file: string
  /** The end of the test's full name, as it is run. */
  readonly test: string
}

/** A program of this repository that has to end with a failure. */
export interface Script {
  readonly script: string
}

export const isScript = (by: Proof['noticedBy']): by is Script => 'script' in by

/** The text with the mistake in it. Fails when the code has moved on: then the proof has to follow. */
export function applyEdit(text: string, { file, take, give }: Edit): string {
  const parts = text.split(take)
  if (parts.length === 2) return parts.join(give)
  const problem = parts.length === 1 ? 'is not there any more' : `is there ${parts.length - 1} times`
  throw new Error(`${file}: what the proof replaces ${problem}:\n${take}`)
}

/** The proofs as a table of `docs/security.md`. */
export function renderProofs(proofs: readonly Proof[]): string {
  const rows = proofs.map(({ point, mistake, noticedBy }) => {
    const by = isScript(noticedBy)
      ? `\`${noticedBy.script}\``
      : `\`${noticedBy.file}\`: ${noticedBy.test.replaceAll('|', '\\|')}`
    return `| ${point} | ${mistake.replaceAll('|', '\\|')} | ${by} |`
  })
  return ['| point | mistake | noticed by |', '|---|---|---|', ...rows].join('\n')
}
