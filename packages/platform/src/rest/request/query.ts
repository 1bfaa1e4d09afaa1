import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'
import { type Condition, type LogicTree, looksLikeFilter, readFilter, readLogic, Slots } from './filter.ts'

/** A clause of the resource that `path` (embed names joined by dots, '' for the root) leads to. */
export interface Scoped<T> {
  readonly path: string
  readonly clause: T
}

/** A query string, taken apart as far as its values reach; names are resolved only when its shape is new. */
export interface RestQuery {
  readonly select: string | undefined
  readonly columns: string | undefined
  readonly onConflict: string | undefined
  readonly filters: readonly Condition[]
  readonly trees: readonly Scoped<LogicTree>[]
  readonly orders: readonly Scoped<string>[]
  /** Of embedded resources; the root's own are numbers because the range of the answer depends on them. */
  readonly limits: readonly Scoped<number>[]
  readonly offsets: readonly Scoped<number>[]
  readonly limit: number | undefined
  readonly offset: number
  /** Arguments of a function that is called by GET: names and slots, in order of appearance. */
  readonly callArguments: readonly { readonly name: string; readonly slot: number }[]
  readonly slots: Slots
}

type Mutable = {
  -readonly [K in keyof RestQuery]: RestQuery[K] extends readonly (infer T)[] ? T[] : RestQuery[K]
}

/** Reads a query string (without `?`). `callable` lets parameters that are no filters be a function's arguments. */
export function readQuery(search: string, callable = false): RestQuery {
  if (search.length > bounds.queryLength) throw tooLarge('characters', bounds.queryLength)
  const query: Mutable = {
    select: undefined,
    columns: undefined,
    onConflict: undefined,
    filters: [],
    trees: [],
    orders: [],
    limits: [],
    offsets: [],
    limit: undefined,
    offset: 0,
    callArguments: [],
    slots: new Slots(),
  }
  if (search === '') return query
  const parameters = search.split('&')
  if (parameters.length > bounds.parameters) throw tooLarge('parameters', bounds.parameters)
  for (const parameter of parameters) {
    if (parameter === '') continue
    const split = parameter.indexOf('=')
    const name = decode(split < 0 ? parameter : parameter.slice(0, split))
    readParameter(query, name, split < 0 ? '' : decode(parameter.slice(split + 1)), callable)
  }
  if (query.filters.length > bounds.conditions) throw tooLarge('filters', bounds.conditions)
  return query
}

/** Some clients show their API key here: `apikey` is a column's name only in front of an operator, as on Supabase. */
function readParameter(query: Mutable, name: string, value: string, callable: boolean): void {
  if (name === 'apikey' && !looksLikeFilter(value)) return
  if (name === 'select' || name === 'columns') {
    query[name] = value
    query.slots.note(name, value)
    return
  }
  if (name === 'on_conflict') {
    query.onConflict = value
    query.slots.note(name, value)
    return
  }
  const dot = lastDot(name)
  const path = dot < 0 ? '' : name.slice(0, dot)
  if (readScoped(query, path, dot < 0 ? name : name.slice(dot + 1), value)) return
  if (callable && !looksLikeFilter(value)) {
    query.slots.note('argument', name)
    query.callArguments.push({ name, slot: query.slots.add(value) })
    return
  }
  query.filters.push(readFilter(name, value, query.slots))
}

/** The dot before the last part of a parameter's name, or -1; quoted names may hold dots. */
function lastDot(name: string): number {
  return name.endsWith('"') ? name.lastIndexOf('"', name.length - 2) - 1 : name.lastIndexOf('.')
}

function readScoped(query: Mutable, path: string, word: string, value: string): boolean {
  switch (word) {
    case 'order':
      query.slots.note('order', path, value)
      if (value !== '') query.orders.push({ path, clause: value })
      return true
    case 'limit':
    case 'offset':
      readWindow(query, word, path, value)
      return true
    case 'and':
    case 'or':
      readTree(query, path, word, value)
      return true
    default:
      return false
  }
}

function readTree(query: Mutable, path: string, joiner: 'and' | 'or', value: string): void {
  const negated = path === 'not' || path.endsWith('.not')
  const scope = negated ? path.slice(0, Math.max(0, path.length - 4)) : path
  query.slots.note('tree', scope)
  query.trees.push({ path: scope, clause: readLogic(joiner, negated, value, query.slots) })
}

function readWindow(query: Mutable, word: 'limit' | 'offset', path: string, value: string): void {
  if (!/^[+-]?\d{1,18}$/.test(value)) {
    throw restErrors.PGRST100({
      problem: `failed to parse ${word} parameter (${value})`,
      column: 1,
      details: `unexpected ${JSON.stringify(value.slice(0, 1))} expecting integer`,
    })
  }
  const number = Number(value)
  if (number < 0) throw outOfRange(word)
  if (path === '') {
    query[word] = number
    return
  }
  query.slots.note(word, path)
  const scoped = { path, clause: query.slots.add(number) }
  if (word === 'limit') query.limits.push(scoped)
  else query.offsets.push(scoped)
}

const outOfRange = (word: 'limit' | 'offset'): Error =>
  restErrors.PGRST103({
    details:
      word === 'limit'
        ? 'Limit should be greater than or equal to zero.'
        : 'Offset should be greater than or equal to zero.',
  })

/** Percent-decoding as forms have it; NUL and broken encodings are refused because PostgreSQL has no such text. */
function decode(text: string): string {
  if (!/[%+\0]/.test(text)) return text
  let decoded: string
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw restErrors.PGRST100({
      problem: `failed to parse query string (${text})`,
      column: 1,
      details: 'malformed percent-encoding',
    })
  }
  if (!decoded.includes('\0')) return decoded
  throw restErrors.PGRST100({
    problem: 'failed to parse query string',
    column: 1,
    details: 'unexpected "\\0"',
  })
}

const tooLarge = (what: string, limit: number): Error =>
  restErrors.PGRST100({
    problem: 'failed to parse query string',
    column: 1,
    details: `more than ${limit} ${what}`,
  })
