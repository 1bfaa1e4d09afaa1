import { glob, readFile } from 'node:fs/promises'
import ts from 'typescript'

const root = new URL('..', import.meta.url)

/** A capability that a system's requirement states, and the tests whose titles name its id. */
export interface ProvenId {
  readonly id: string
  readonly what: string
  readonly tests: readonly TestTitle[]
}

export interface TestTitle {
  /** From the repository's root. */
  readonly file: string
  /** Of the test, after those of the blocks around it. */
  readonly title: string
}

/** Systems that have a list of ids, `systems/<name>/ids.txt`: one id and what it stands for a line. */
export async function systemsWithIds(): Promise<readonly string[]> {
  const names: string[] = []
  for await (const path of glob('systems/*/ids.txt', { cwd: root })) names.push(path.split('/')[1]!)
  return names.sort()
}

/** The ids of a system in the order of its list, each with its tests. */
export async function readProvenIds(
  system: string,
  titles: readonly TestTitle[],
): Promise<readonly ProvenId[]> {
  const lines = (await readFile(new URL(`systems/${system}/ids.txt`, root), 'utf8'))
    .split('\n')
    .filter(Boolean)
  return lines.map((line) => {
    const [id = '', ...what] = line.split(' ')
    return { id, what: what.join(' '), tests: titles.filter(({ title }) => idsIn(title).includes(id)) }
  })
}

/** Ids like `S-D10` in a title; `S-D1` is not one of them. */
export const idsIn = (title: string): readonly string[] => title.match(/\b[A-Z]-[A-Z]\d+\b/g) ?? []

/** Titles of all tests that name an id. */
export async function readTestTitles(): Promise<readonly TestTitle[]> {
  const found: TestTitle[] = []
  for await (const file of glob('{packages,systems,examples,server,acceptance}/**/*.test.ts', {
    cwd: root,
    exclude: (name) => name.includes('node_modules'),
  })) {
    if (file.includes('node_modules')) continue
    const text = await readFile(new URL(file, root), 'utf8')
    if (idsIn(text).length === 0) continue
    found.push(...titlesIn(file, text).filter(({ title }) => idsIn(title).length > 0))
  }
  return found.sort((a, b) => a.file.localeCompare(b.file) || a.title.localeCompare(b.title))
}

/** Titles of the tests in a source text; a block's title stands before those of its tests. */
export function titlesIn(file: string, text: string): readonly TestTitle[] {
  const found: TestTitle[] = []
  const visit = (node: ts.Node, around: readonly string[]) => {
    const call = readCall(node)
    const path = call ? [...around, call.title] : around
    const before = found.length
    ts.forEachChild(node, (child) => visit(child, path))
    // A block whose tests are defined elsewhere stands for them.
    if (call && (call.kind === 'test' || found.length === before))
      found.push({ file, title: path.join(' › ') })
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest), [])
  return found
}

/** `it('title', …)`, `describe.each(cases)('title', …)`. */
function readCall(node: ts.Node): { readonly kind: 'test' | 'block'; readonly title: string } | undefined {
  if (!ts.isCallExpression(node)) return undefined
  const [title] = node.arguments
  if (!title || !(ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) return undefined
  const name = firstName(node.expression)
  if (name !== 'it' && name !== 'test' && name !== 'describe') return undefined
  const text = ts.isTemplateExpression(title)
    ? [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join('…')
    : title.text
  return { kind: name === 'describe' ? 'block' : 'test', title: text }
}

function firstName(expression: ts.Expression): string | undefined {
  if (ts.isIdentifier(expression)) return expression.text
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return firstName(expression.expression)
  return undefined
}

/** The page that lists them, for `docs/<system>-ids.md`. */
export function renderIdsPage(system: string, ids: readonly ProvenId[]): string {
  const missing = ids.filter(({ tests }) => tests.length === 0)
  const rows = ids.map(({ id, what, tests }) => `| ${id} | ${cell(what)} | ${renderTests(tests)} |`)
  return `# ${system}: what was asked for, and the tests that prove it

${ids.length - missing.length} of ${ids.length} ids have a test. Written by \`npm run docs\` from \`systems/${system}/ids.txt\` and the titles of tests; a test compares.

| id | what | tests |
|---|---|---|
${rows.join('\n')}
`
}

const renderTests = (tests: readonly TestTitle[]): string =>
  tests.length === 0
    ? '**missing**'
    : tests
        .map(({ file, title }) => `${cell(title)} (\`${file.replace(/^systems\/\w+\//, '')}\`)`)
        .join('<br>')

const cell = (text: string): string => text.replaceAll('\n', ' ').replaceAll('|', '\\|')

/** Where it is. */
export const pageOf = (system: string): URL => new URL(`docs/${system}-ids.md`, root)
