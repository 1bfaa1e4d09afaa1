import { quoteName } from '../../database/index.ts'
import { quoteRelation } from '../catalogue/build-catalogue.ts'
import type { Column } from '../catalogue/model.ts'
import type { PlannedConflict, PlannedRead, PlannedWrite } from '../plan/model.ts'
import { orderText, whereText } from './rows-text.ts'
import type { Parameters } from './statement-text.ts'

/** The target's name in the writing statement. */
const target = 't'
const scope = { alias: target, computedAsColumns: false }

/** The statement that writes and gives back what is asked of the written rows; it becomes the CTE `src`. */
export function writeText(write: PlannedWrite, returning: string, parameters: Parameters): string {
  switch (write.kind) {
    case 'insert':
      return insertText(write, returning, parameters)
    case 'update':
      return updateText(write, returning, parameters)
    case 'delete': {
      const where = whereText(write.where, windowConditions(write, parameters), scope, parameters)
      return `delete from ${quoteRelation(write.relation)} as ${target}${where} returning ${returning}`
    }
  }
}

/** How many rows of an upsert were new; see {@link countInserted}. */
export const insertedText = `current_setting('plinth.inserted', true)`

/** The list after RETURNING: only what is read back, because every column in it needs the right to be selected. */
export function returningText(read: PlannedRead): string {
  const columns = new Set<string>()
  const computed = new Map<string, string>()
  const wholeRow = read.embeds.some((embed) => embed.relationship.computedBy)
  const values = [
    ...read.fields.flatMap((field) => (field.kind === 'value' && field.value ? [field.value] : [])),
    ...read.order.filter((order) => !order.embed).map((order) => order.value),
  ]
  for (const value of values) {
    if (value.computed) computed.set(value.name, `${quoteRelation(value.computed)}(${target}.*)`)
    else columns.add(value.name)
  }
  for (const { relationship } of read.embeds) {
    for (const [own] of relationship.junction?.fromPairs ?? relationship.pairs) columns.add(own)
  }
  const star = read.fields.some((field) => field.kind === 'star')
  const list = [
    ...(star ? [`${target}.*`] : [...columns].map((name) => `${target}.${quoteName(name)}`)),
    ...[...computed].map(([name, text]) => `${text} as ${quoteName(name)}`),
    ...(wholeRow ? [`${target} as "~row"`] : []),
  ]
  return list.length > 0 ? list.join(', ') : '1'
}

function insertText(
  write: Extract<PlannedWrite, { kind: 'insert' }>,
  returning: string,
  parameters: Parameters,
): string {
  const into = `insert into ${quoteRelation(write.relation)} as ${target}`
  const conflict = write.conflict ? conflictText(write.conflict, write.columns) : ''
  if (write.columns.length === 0) return `${into} default values${conflict} returning ${returning}`
  const names = write.columns.map((column) => quoteName(column.name)).join(', ')
  const { from, values } = payloadText(write, parameters)
  const counted = write.conflict?.resolution === 'merge' ? [countInserted('+')] : []
  const where = whereText(write.where, counted, { alias: 'b', computedAsColumns: false }, parameters)
  return `${into} (${names}) select ${values.join(', ')} from ${from}${where}${conflict} returning ${returning}`
}

function updateText(
  write: Extract<PlannedWrite, { kind: 'update' }>,
  returning: string,
  parameters: Parameters,
): string {
  const relation = quoteRelation(write.relation)
  if (write.columns.length === 0) return `select ${returning} from ${relation} as ${target} where false`
  const { from, values } = payloadText(write, parameters)
  const set = write.columns.map((column, index) => `${quoteName(column.name)} = ${values[index]}`).join(', ')
  const where = whereText(write.where, windowConditions(write, parameters), scope, parameters)
  return `update ${relation} as ${target} set ${set} from ${from}${where} returning ${returning}`
}

/** The body as rows `b` with the columns' types, and the value of each column. */
function payloadText(
  write: Extract<PlannedWrite, { kind: 'insert' | 'update' }>,
  parameters: Parameters,
): { from: string; values: string[] } {
  const body = `${parameters.bind({ from: 'body' })}::json`
  const columns = write.columns.map((column) => `${quoteName(column.name)} ${column.type}`).join(', ')
  const plain = write.columns.map((column) => `b.${quoteName(column.name)}`)
  const one = write.isArray ? `${body} -> 0` : body
  if (!write.defaults) {
    const many = write.isArray && write.kind === 'insert'
    const from = many ? `json_to_recordset(${body})` : `json_to_record(${one})`
    return { from: `${from} as b(${columns})`, values: plain }
  }
  const rows =
    write.isArray && write.kind === 'insert'
      ? `json_array_elements(${body}) as p(row)`
      : `(select ${one} as row) as p`
  return {
    from: `${rows} cross join lateral json_to_record(p.row) as b(${columns})`,
    values: write.columns.map((column, index) => withDefault(column, plain[index]!, parameters)),
  }
}

/** A key that is there with a JSON null is a null, one that is missing is the column's default. */
function withDefault(column: Column, value: string, parameters: Parameters): string {
  if (column.default === null) return value
  const key = parameters.constant(column.name, 'text')
  return `case when p.row -> ${key} is null then ${column.default} else ${value} end`
}

function conflictText(conflict: PlannedConflict, columns: readonly Column[]): string {
  const arbiter = conflict.columns.map((column) => quoteName(column.name)).join(', ')
  if (conflict.resolution === 'ignore') return ` on conflict (${arbiter}) do nothing`
  const others = columns.filter((column) => !conflict.columns.includes(column))
  const set = (others.length > 0 ? others : conflict.columns)
    .map((column) => `${quoteName(column.name)} = excluded.${quoteName(column.name)}`)
    .join(', ')
  return ` on conflict (${arbiter}) do update set ${set} where ${countInserted('-')}`
}

/**
 * A condition that is always true and counts. Rows of the body count up and rows that turned into updates count
 * down, which leaves the new ones: no column says so that every caller may read.
 */
const countInserted = (sign: '+' | '-'): string =>
  `set_config('plinth.inserted', (coalesce(nullif(${insertedText}, ''), '0')::int ${sign} 1)::text, true) <> ''`

/** A limited write takes the keys of the first rows and writes those. */
function windowConditions(
  write: Extract<PlannedWrite, { kind: 'update' | 'delete' }>,
  parameters: Parameters,
): string[] {
  if (!write.window) return []
  const inner = { alias: 'w', computedAsColumns: false }
  const key = (alias: string) => write.window!.key.map((name) => `${alias}.${quoteName(name)}`).join(', ')
  const where = whereText(write.where, [], inner, parameters)
  const order = orderText(write.window.order, inner, parameters)
  const limit = `limit ${parameters.bind({ from: 'limit' })} offset ${parameters.bind({ from: 'offset' })}`
  return [
    `(${key(target)}) in (select ${key('w')} from ${quoteRelation(write.relation)} as w${where}${order} ${limit})`,
  ]
}
