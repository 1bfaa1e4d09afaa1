import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'
import { Scanner } from './scanner.ts'

/** Operators that compare a field with one value, and what PostgreSQL calls them. */
export const comparisons = {
  eq: '=',
  neq: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  like: 'like',
  ilike: 'ilike',
  match: '~',
  imatch: '~*',
  cs: '@>',
  cd: '<@',
  ov: '&&',
  sl: '<<',
  sr: '>>',
  nxr: '&<',
  nxl: '&>',
  adj: '-|-',
  isdistinct: 'is distinct from',
} as const
export type Comparison = keyof typeof comparisons

/** Full-text operators, and the function that reads their query. */
export const searches = {
  fts: 'to_tsquery',
  plfts: 'plainto_tsquery',
  phfts: 'phraseto_tsquery',
  wfts: 'websearch_to_tsquery',
} as const
export type Search = keyof typeof searches

export const isValues = ['null', 'not_null', 'true', 'false', 'unknown'] as const
export type IsValue = (typeof isValues)[number]

const quantifiable = new Set(['eq', 'gt', 'gte', 'lt', 'lte', 'like', 'ilike', 'match', 'imatch'])

/** What a field is held against. Values are not here but in the request's slots, so that shapes can be cached. */
export type Operation =
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly quantifier: Quantifier
      readonly slot: number
    }
  | { readonly kind: 'in'; readonly slot: number }
  | { readonly kind: 'is'; readonly value: IsValue }
  | {
      readonly kind: 'search'
      readonly operator: Search
      readonly language: number | undefined
      readonly slot: number
    }

export type Quantifier = 'any' | 'all' | undefined

export interface Condition {
  readonly kind: 'condition'
  /** The field as the request wrote it; resolved when the shape is planned. */
  readonly field: string
  readonly negated: boolean
  readonly operation: Operation
}

export interface LogicTree {
  readonly kind: 'tree'
  readonly joiner: 'and' | 'or'
  readonly negated: boolean
  readonly members: readonly (Condition | LogicTree)[]
}

/** Values of one request in the order they were met, and the text that identifies everything but them. */
export class Slots {
  readonly values: unknown[] = []
  shape = ''

  add(value: unknown): number {
    return this.values.push(value) - 1
  }

  /** NUL never occurs in a request's text, so parts cannot run into each other. */
  note(...parts: string[]): void {
    for (const part of parts) this.shape += `${part}\0`
  }
}

const operator = /(not\.)?([a-z]+)(?:\(([^()]{1,128})\))?\./y

/** True when `text` starts like a filter, so that an RPC's parameter of another form is an argument. */
export function looksLikeFilter(text: string): boolean {
  operator.lastIndex = 0
  const found = operator.exec(text)
  return found !== null && isOperator(found[2]!)
}

/** Reads `not.eq.5`, the value of a filter parameter. */
export function readFilter(field: string, text: string, slots: Slots): Condition {
  const scanner = new Scanner(text, 'filter')
  const { negated, name, modifier } = readOperator(scanner)
  const raw = text.slice(scanner.position)
  slots.note(field, negated ? 'not' : '', name, modifier === undefined ? '' : modifierShape(name, modifier))
  const operation =
    name === 'in' ? readList(scanner, slots) : toOperation(scanner, name, modifier, raw, slots)
  if (name === 'in' && !scanner.atEnd) throw scanner.failure('end of input')
  return { kind: 'condition', field, negated, operation }
}

/** Reads the value of an `and`/`or` parameter: `(age.gte.14,not.or(a.eq.1,b.is.null))`. */
export function readLogic(joiner: 'and' | 'or', negated: boolean, text: string, slots: Slots): LogicTree {
  const reader = new LogicReader(new Scanner(text, 'logic tree'), slots)
  return reader.readAll(joiner, negated)
}

class LogicReader {
  readonly #scanner: Scanner
  readonly #slots: Slots
  #conditions = 0

  constructor(scanner: Scanner, slots: Slots) {
    this.#scanner = scanner
    this.#slots = slots
  }

  readAll(joiner: 'and' | 'or', negated: boolean): LogicTree {
    const tree = this.#readTree(joiner, negated, 0)
    if (!this.#scanner.atEnd) throw this.#scanner.failure('end of input')
    return tree
  }

  #readTree(joiner: 'and' | 'or', negated: boolean, depth: number): LogicTree {
    if (depth > bounds.logicDepth) throw this.#scanner.tooMany('levels', bounds.logicDepth)
    this.#slots.note(negated ? 'not' : '', joiner, '(')
    this.#scanner.expect('(')
    const members = [this.#readMember(depth)]
    while (this.#scanner.take(',')) members.push(this.#readMember(depth))
    this.#scanner.expect(')')
    this.#scanner.match(/\s*/y)
    this.#slots.note(')')
    return { kind: 'tree', joiner, negated, members }
  }

  #readMember(depth: number): Condition | LogicTree {
    this.#scanner.match(/\s*/y)
    const nested = this.#scanner.match(/(not\.)?(and|or)(?=\()/y)
    if (nested) return this.#readTree(nested[2] as 'and' | 'or', nested[1] !== undefined, depth + 1)
    this.#conditions += 1
    if (this.#conditions > bounds.conditions) throw this.#scanner.tooMany('conditions', bounds.conditions)
    return this.#readCondition()
  }

  #readCondition(): Condition {
    const scanner = this.#scanner
    const field = this.#readFieldText()
    const { negated, name, modifier } = readOperator(scanner)
    this.#slots.note(
      field,
      negated ? 'not' : '',
      name,
      modifier === undefined ? '' : modifierShape(name, modifier),
    )
    const operation =
      name === 'in'
        ? readList(scanner, this.#slots)
        : toOperation(scanner, name, modifier, readLogicValue(scanner), this.#slots)
    return { kind: 'condition', field, negated, operation }
  }

  /** The field's text up to the dot before its operator; quoted parts may hold dots. */
  #readFieldText(): string {
    const scanner = this.#scanner
    const start = scanner.position
    while (!scanner.atEnd && scanner.peek() !== '.') {
      if (scanner.peek() === '"') scanner.readQuoted()
      else if (',()'.includes(scanner.peek())) throw scanner.failure('field name and operator')
      else scanner.position += 1
    }
    const field = scanner.text.slice(start, scanner.position)
    scanner.expect('.')
    return field
  }
}

function readLogicValue(scanner: Scanner): string {
  const quoted = scanner.peek() === '"' ? scanner.readQuotedUntil(',)') : undefined
  if (quoted !== undefined) return quoted
  if (scanner.peek() === '{') return readBraces(scanner)
  return scanner.readUntil(',)')
}

/** An array literal, whose commas and parentheses belong to the value. */
function readBraces(scanner: Scanner): string {
  const start = scanner.position
  let depth = 0
  while (!scanner.atEnd) {
    const character = scanner.peek()
    if (character === '"') {
      scanner.readQuoted()
      continue
    }
    scanner.position += 1
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
    if (depth === 0) return scanner.text.slice(start, scanner.position)
  }
  throw scanner.failure('closing brace')
}

function readOperator(scanner: Scanner) {
  const start = scanner.position
  const found = scanner.match(operator)
  const name = found?.[2]
  if (!found || !name || !isOperator(name)) {
    scanner.position = start
    throw scanner.failure('"not" or operator (eq, gt, ...)')
  }
  return { negated: found[1] !== undefined, name, modifier: found[3] }
}

const isOperator = (name: string): boolean =>
  Object.hasOwn(comparisons, name) || Object.hasOwn(searches, name) || name === 'in' || name === 'is'

/** A language is a value, a quantifier is part of the shape. */
const modifierShape = (name: string, modifier: string): string =>
  Object.hasOwn(searches, name) ? 'language' : modifier

function toOperation(
  scanner: Scanner,
  name: string,
  modifier: string | undefined,
  raw: string,
  slots: Slots,
): Operation {
  if (name === 'is') return readIs(scanner, modifier, raw, slots)
  if (Object.hasOwn(searches, name)) {
    const language = modifier === undefined ? undefined : slots.add(modifier)
    return { kind: 'search', operator: name as Search, language, slot: slots.add(raw) }
  }
  const quantified = modifier === 'any' || modifier === 'all'
  if (modifier !== undefined && !(quantified && quantifiable.has(name))) {
    throw scanner.failure(`"${name}." or a quantifier that ${name} takes (any, all)`)
  }
  const pattern = name === 'like' || name === 'ilike'
  const slot = slots.add(pattern ? raw.replaceAll('*', '%') : raw)
  return { kind: 'compare', operator: name as Comparison, quantifier: modifier as Quantifier, slot }
}

function readIs(scanner: Scanner, modifier: string | undefined, raw: string, slots: Slots): Operation {
  const value = isValues.find((candidate) => candidate === raw.toLowerCase())
  if (value === undefined || modifier !== undefined) {
    throw restErrors.PGRST100({
      problem: `failed to parse filter (${scanner.text})`,
      column: scanner.position + 1,
      details: `unexpected ${JSON.stringify(raw.slice(0, 1))} expecting isVal: (null, not_null, true, false, unknown)`,
    })
  }
  slots.note(value)
  return { kind: 'is', value }
}

function readList(scanner: Scanner, slots: Slots): Operation {
  scanner.expect('(')
  scanner.match(/\s*(?=\))/y)
  const members: string[] = []
  if (!scanner.take(')')) {
    do members.push(readListMember(scanner))
    while (scanner.take(','))
    scanner.expect(')')
  }
  return { kind: 'in', slot: slots.add(members) }
}

function readListMember(scanner: Scanner): string {
  scanner.match(/\s*(?=")/y)
  const quoted = scanner.peek() === '"' ? scanner.readQuotedUntil(',)') : undefined
  if (quoted !== undefined) return quoted
  return scanner.readUntil(',)')
}
