import { bounds } from './bounds.ts'
import { type Field, readField } from './field.ts'
import { Scanner } from './scanner.ts'

export interface OrderTerm {
  /** Set for `clients(name)`: sorts by a column of that to-one embed. */
  readonly relation: string | undefined
  readonly field: Field
  readonly direction: 'asc' | 'desc' | undefined
  readonly nulls: 'first' | 'last' | undefined
}

/** Parses an `order` parameter: `name.desc.nullslast,clients(id)`. */
export function parseOrder(text: string): OrderTerm[] {
  const scanner = new Scanner(text, 'order')
  const terms = [readTerm(scanner)]
  while (scanner.take(',')) {
    terms.push(readTerm(scanner))
    if (terms.length > bounds.orderTerms) throw scanner.tooMany('terms', bounds.orderTerms)
  }
  if (!scanner.atEnd) throw scanner.failure('"asc", "desc", "nullsfirst", "nullslast", "," or end of input')
  return terms
}

function readTerm(scanner: Scanner): OrderTerm {
  const first = readField(scanner)
  const related = first.steps.length === 0 && scanner.take('(')
  const field = related ? readField(scanner) : first
  if (related) scanner.expect(')')
  const direction = scanner.match(/\.(asc|desc)(?=[.,]|$)/y)?.[1] as OrderTerm['direction']
  const nulls = scanner.match(/\.nulls(first|last)(?=,|$)/y)?.[1] as OrderTerm['nulls']
  return { relation: related ? first.name : undefined, field, direction, nulls }
}
