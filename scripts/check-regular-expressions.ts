/** Looks at every regular expression of the product for one that takes more than linear time: such a one is an attack. */
import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { check, type Diagnostics } from 'recheck'
import ts from 'typescript'

interface Expression {
  readonly file: string
  readonly line: number
  readonly source: string
  readonly flags: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const product = '{packages/platform,packages/client,systems,server}/**/*.ts'
const isOfProduct = (file: string): boolean =>
  !/(^|\/)(node_modules|tests|dist)\//.test(file) && !/\.(test|test-d|d)\.ts$/.test(file)

/**
 * Expressions that are not linear and may stay, with what bounds the text that they read. Everything else is written
 * anew: as a scanner, with a bound for its repetition, or over a text whose length was checked.
 */
const bounded: Readonly<Record<string, string>> = {
  [String.raw`/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$/g`]:
    'reads migrations, which are files of the installation',
  [String.raw`/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g`]: 'reads durations of at most 64 characters',
  [String.raw`/((?:file:\/\/)?\/[^\s()]+?):(\d+):\d+/g`]:
    'reads the stack of a declaration, when a program starts',
  [String.raw`/<a [^<>]{0,200}href="([^"<>]{0,4000})"[^<>]{0,200}>([^<>]{0,500})<\/a>/g`]:
    'every repetition is bounded; only templates hold tags, values are escaped',
}

const expressions: Expression[] = []
for await (const file of glob(product, { cwd: root })) {
  if (isOfProduct(file)) expressions.push(...(await readExpressions(file)))
}
const problems: string[] = []
const seen = new Map<string, Promise<Diagnostics>>()
for (const expression of expressions) {
  const { source, flags, file, line } = expression
  const key = `/${source}/${flags}`
  if (key in bounded) continue
  const found = seen.get(key) ?? check(source, flags.replace('v', 'u'), { timeout: 20_000 })
  seen.set(key, found)
  const result = await found
  if (result.status === 'safe') continue
  const why =
    result.status === 'vulnerable'
      ? `${result.complexity.summary}, by ${result.attack.pattern}`
      : `not known: ${result.error.kind}`
  problems.push(`${file}:${line} ${key}\n    ${why}`)
}
process.stdout.write(`${problems.map((problem) => `${problem}\n`).join('')}`)
process.stdout.write(
  `${expressions.length} regular expressions, ${problems.length} that may take more than linear time\n`,
)
process.exit(problems.length === 0 ? 0 : 1)

async function readExpressions(file: string): Promise<Expression[]> {
  const text = await readFile(`${root}/${file}`, 'utf8')
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false)
  const found: Expression[] = []
  const visit = (node: ts.Node): void => {
    const expression = expressionOf(node)
    if (expression) {
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree))
      found.push({ file, line: line + 1, ...expression })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** A literal, or what `new RegExp('…')` makes of a text that stands there. */
function expressionOf(node: ts.Node): Pick<Expression, 'source' | 'flags'> | undefined {
  if (ts.isRegularExpressionLiteral(node)) {
    const end = node.text.lastIndexOf('/')
    return { source: node.text.slice(1, end), flags: node.text.slice(end + 1) }
  }
  if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== 'RegExp')
    return undefined
  const [source, flags] = node.arguments ?? []
  if (!source || !ts.isStringLiteralLike(source)) return undefined
  return { source: source.text, flags: flags && ts.isStringLiteralLike(flags) ? flags.text : '' }
}
