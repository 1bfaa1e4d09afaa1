/** Everything in which words mean nothing: comments, texts, quoted names, bodies between dollars. */
const quoted = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$/g
const transactionControl =
  /(^|;)\s*(begin|start\s+transaction|commit|rollback|abort|prepare\s+transaction)\b/i

/** What is committed half-way cannot be taken back when the rest fails. */
export const endsItsTransaction = (text: string): boolean =>
  transactionControl.test(text.replace(quoted, ' '))

/**
 * The line, from 1, at which a script of several statements failed: PostgreSQL gives the position of some mistakes, and for
 * others only that so many statements were `done` before.
 */
export function lineOfFailure(text: string, done: number, error: unknown): number {
  const position = Number((error as { position?: unknown }).position)
  const at = position > 0 ? offsetOf(text, position - 1) : startOfStatement(text, done)
  return text.slice(0, at).split('\n').length
}

/** PostgreSQL counts characters, JavaScript UTF-16 units. */
const offsetOf = (text: string, characters: number): number => [...text].slice(0, characters).join('').length

function startOfStatement(text: string, index: number): number {
  const bare = text.replace(quoted, (part) =>
    part.replace(/[^\n]/g, part.startsWith('-') || part.startsWith('/') ? ' ' : 'x'),
  )
  const starts: number[] = []
  for (let from = 0; from < bare.length; ) {
    const end = bare.indexOf(';', from)
    const next = end < 0 ? bare.length : end + 1
    const start = bare.slice(from, next).search(/[^\s;]/)
    if (start >= 0) starts.push(from + start)
    from = next
  }
  return starts[index] ?? starts.at(-1) ?? 0
}
