import { bounds } from './bounds.ts'
import { Scanner } from './scanner.ts'

/** One arrow of a JSON path: `->key`, `->>key`, `->0`. */
export interface JsonStep {
  readonly asText: boolean
  readonly key: string | number
}

/** A column with an optional path into its JSON, array or composite value. */
export interface Field {
  readonly name: string
  readonly steps: readonly JsonStep[]
}

/** A field of an embedded resource: `clients.projects.name`. */
export interface FieldPath {
  readonly path: readonly string[]
  readonly field: Field
}

export function readField(scanner: Scanner): Field {
  return { name: scanner.readName(), steps: readSteps(scanner) }
}

const stepKey = /[^-:.,>()"]+/y

export function readSteps(scanner: Scanner): JsonStep[] {
  const steps: JsonStep[] = []
  while (scanner.sees('->')) {
    const asText = scanner.take('->>') || !scanner.take('->')
    steps.push({ asText, key: readStepKey(scanner) })
    if (steps.length > bounds.jsonSteps) throw scanner.tooMany('arrows', bounds.jsonSteps)
  }
  return steps
}

function readStepKey(scanner: Scanner): string | number {
  if (scanner.peek() === '"') return scanner.readQuoted()
  const negative = scanner.match(/-\d{1,9}(?![^-:.,>()"])/y)
  if (negative) return Number(negative[0])
  const key = scanner.match(stepKey)?.[0]
  if (key === undefined) throw scanner.failure('JSON key or index')
  return /^\d{1,9}$/.test(key) ? Number(key) : key
}

/** The parameter name of a filter: embed path, column and JSON path. */
export function parseFieldPath(text: string): FieldPath {
  const scanner = new Scanner(text, 'tree path')
  const path: string[] = []
  for (;;) {
    const field = readField(scanner)
    if (scanner.atEnd) return { path, field }
    if (field.steps.length > 0) throw scanner.failure('end of input')
    scanner.expect('.')
    path.push(field.name)
    if (path.length > bounds.embedDepth) throw scanner.tooMany('levels', bounds.embedDepth)
  }
}

/** The embed path before `order`, `limit`, `and` …: `clients.projects`. */
export function parsePath(text: string): readonly string[] {
  if (text === '') return []
  const scanner = new Scanner(text, 'tree path')
  const path = [scanner.readName()]
  while (scanner.take('.')) path.push(scanner.readName())
  if (!scanner.atEnd) throw scanner.failure('end of input')
  if (path.length > bounds.embedDepth) throw scanner.tooMany('levels', bounds.embedDepth)
  return path
}

/** Comma-separated names, quoted or not: `columns`, `on_conflict`. */
export function parseNames(text: string, what: string): string[] {
  const scanner = new Scanner(text, what)
  if (scanner.atEnd) return []
  const names = [scanner.readName()]
  while (scanner.take(',')) names.push(scanner.readName())
  if (!scanner.atEnd) throw scanner.failure('"," or end of input')
  return [...new Set(names)]
}
