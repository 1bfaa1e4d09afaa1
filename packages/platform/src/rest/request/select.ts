import { bounds } from './bounds.ts'
import { type JsonStep, readSteps } from './field.ts'
import { Scanner } from './scanner.ts'
import { readTypeName } from './type-name.ts'

export const aggregates = ['sum', 'avg', 'min', 'max', 'count'] as const
export type Aggregate = (typeof aggregates)[number]

export type SelectItem = StarItem | FieldItem | EmbedItem

export interface StarItem {
  readonly kind: 'star'
}

export interface FieldItem {
  readonly kind: 'field'
  /** Undefined for `count()`, which counts rows. */
  readonly name: string | undefined
  readonly alias: string | undefined
  readonly steps: readonly JsonStep[]
  readonly cast: string | undefined
  readonly aggregate: Aggregate | undefined
  readonly aggregateCast: string | undefined
}

export interface EmbedItem {
  readonly kind: 'embed'
  readonly name: string
  readonly alias: string | undefined
  /** What follows `!`: a foreign key, a column or a junction table. */
  readonly hint: string | undefined
  readonly join: 'inner' | 'left'
  /** `...name(…)`: its columns become columns of the parent. */
  readonly spread: boolean
  readonly items: readonly SelectItem[]
}

/** Parses the `select` parameter; an empty one selects nothing, as PostgREST has it. */
export function parseSelect(text: string): SelectItem[] {
  const reader = new SelectReader(new Scanner(text, 'select parameter'))
  return reader.readAll()
}

class SelectReader {
  readonly #scanner: Scanner
  #selected = 0
  #embeds = 0

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  readAll(): SelectItem[] {
    const items = this.#readItems(0)
    if (!this.#scanner.atEnd) throw this.#scanner.failure('"," or end of input')
    return items
  }

  #readItems(depth: number): SelectItem[] {
    if (depth > bounds.embedDepth) throw this.#scanner.tooMany('levels of embeds', bounds.embedDepth)
    this.#skipSpace()
    if (this.#scanner.atEnd || this.#scanner.sees(')')) return []
    const items = [this.#readItem(depth)]
    while (this.#scanner.take(',')) items.push(this.#readItem(depth))
    return items
  }

  #readItem(depth: number): SelectItem {
    const scanner = this.#scanner
    this.#skipSpace()
    this.#selected += 1
    if (this.#selected > bounds.selected) throw scanner.tooMany('selected fields', bounds.selected)
    if (scanner.take('...')) return this.#readEmbed(depth, scanner.readName(), undefined, true)
    if (scanner.take('*')) return { kind: 'star' }
    const first = scanner.readName('field name (*, a name, or ...)')
    const aliased = scanner.peek() === ':' && !scanner.sees('::')
    if (aliased) scanner.take(':')
    return this.#readNamed(depth, aliased ? scanner.readName() : first, aliased ? first : undefined)
  }

  #readNamed(depth: number, name: string, alias: string | undefined): SelectItem {
    const scanner = this.#scanner
    if (name === 'count' && scanner.take('()')) {
      const aggregateCast = this.#readCast()
      return {
        kind: 'field',
        name: undefined,
        alias,
        steps: [],
        cast: undefined,
        aggregate: 'count',
        aggregateCast,
      }
    }
    if (scanner.sees('!') || scanner.sees('(')) return this.#readEmbed(depth, name, alias, false)
    const steps = readSteps(scanner)
    const cast = this.#readCast()
    const aggregate = this.#readAggregate()
    const aggregateCast = aggregate ? this.#readCast() : undefined
    this.#skipSpace()
    return { kind: 'field', name, alias, steps, cast, aggregate, aggregateCast }
  }

  #readEmbed(depth: number, first: string, firstAlias: string | undefined, spread: boolean): EmbedItem {
    const scanner = this.#scanner
    this.#embeds += 1
    if (this.#embeds > bounds.embeds) throw scanner.tooMany('embeds', bounds.embeds)
    const aliased = spread && scanner.take(':')
    const name = aliased ? scanner.readName() : first
    const alias = aliased ? first : firstAlias
    let hint: string | undefined
    let join: EmbedItem['join'] = 'left'
    while (scanner.take('!')) {
      const word = scanner.readName('hint, inner or left')
      if (word === 'inner' || word === 'left') join = word
      else if (hint === undefined) hint = word
      else throw scanner.failure('"("')
    }
    scanner.expect('(')
    const items = this.#readItems(depth + 1)
    scanner.expect(')')
    this.#skipSpace()
    return { kind: 'embed', name, alias, hint, join, spread, items }
  }

  #readAggregate(): Aggregate | undefined {
    if (!this.#scanner.take('.')) return undefined
    const found = aggregates.find((name) => this.#scanner.take(`${name}()`))
    if (!found) throw this.#scanner.failure('sum(), avg(), count(), max() or min()')
    return found
  }

  #readCast(): string | undefined {
    if (!this.#scanner.take('::')) return undefined
    const start = this.#scanner.position
    readTypeName(this.#scanner)
    return this.#scanner.text.slice(start, this.#scanner.position).trim()
  }

  #skipSpace(): void {
    this.#scanner.match(/\s*/y)
  }
}
