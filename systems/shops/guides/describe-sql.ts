import { readMigrations } from '@plinth/platform/database'

export interface SqlFunction {
  readonly name: string
  /** As SQL writes it, in one line. */
  readonly parameters: string
  readonly returns: string
  readonly comment: string
}

/** The functions of `public` that clients call, with their comments, from the migrations. */
export async function readSqlFunctions(): Promise<readonly SqlFunction[]> {
  const text = await readSql()
  return text
    .split('create function public.')
    .slice(1)
    .flatMap((made) => readHead(made.slice(0, made.indexOf(';'))))
    .map((head) => ({ ...head, comment: commentOf(text, 'function', head.name) }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** Name, parameters and result from what stands after `create function public.`, up to the first semicolon. */
function readHead(head: string): readonly Omit<SqlFunction, 'comment'>[] {
  const opened = head.indexOf('(')
  const closed = /\)\s*returns\s+/.exec(head)
  if (opened < 0 || !closed) return []
  const rest = head.slice(closed.index + closed[0].length)
  const returns = /^(table \([^;]*?\)|setof [\w.]+|[\w.]+(?:\[\])?)\s/.exec(rest)
  if (!returns) return []
  const parameters = oneLine(head.slice(opened + 1, closed.index))
  return [{ name: head.slice(0, opened), parameters, returns: oneLine(returns[1]!) }]
}

/** The tables of `public` with their comments, in the order in which they are made. */
export async function readSqlTables(): Promise<
  readonly { readonly name: string; readonly comment: string }[]
> {
  const text = await readSql()
  return [...text.matchAll(/create table public\.(\w+) \(/g)].map(([, name]) => ({
    name: name!,
    comment: commentOf(text, 'table', name!),
  }))
}

async function readSql(): Promise<string> {
  const { migrations } = await readMigrations('shops', new URL('../sql/migrations/', import.meta.url))
  return migrations.map(({ sql }) => sql).join('\n')
}

/** A comment's text; SQL joins literals that stand one below the other. */
function commentOf(text: string, kind: 'function' | 'table', name: string): string {
  const found = new RegExp(
    `comment on ${kind} public\\.${name}\\b[^']*? is\\s+((?:'(?:[^']|'')*'\\s*)+);`,
  ).exec(text)
  const literals = found?.[1]?.matchAll(/'((?:[^']|'')*)'/g) ?? []
  return [...literals].map(([, literal]) => literal!.replaceAll("''", "'")).join('')
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
