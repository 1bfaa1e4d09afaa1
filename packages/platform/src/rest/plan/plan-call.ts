import { nearestName as nearest } from '../../kernel/index.ts'
import type { Argument, CallableFunction, Catalogue } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import type { CallBody } from '../request/body/read-body.ts'
import type { PlannedCall, Rowset } from './model.ts'

/** What a call gives to the function. */
export type CallInput =
  | { readonly kind: 'body'; readonly body: Exclude<CallBody, { kind: 'texts' }> }
  | { readonly kind: 'texts'; readonly texts: readonly { readonly name: string; readonly slot: number }[] }

/** Finds the function that takes exactly what is given (PGRST202 none, PGRST203 several) and plans its call. */
export function planCall(catalogue: Catalogue, schema: string, name: string, input: CallInput): PlannedCall {
  const given = namesOf(input)
  const overloads = catalogue.functions(schema, name)
  const named = given ? overloads.filter((candidate) => takes(candidate, given)) : []
  const fitting = named.length > 0 ? named : overloads.filter((candidate) => takesWhole(candidate, input))
  if (fitting.length > 1) throw ambiguous(fitting)
  const found = fitting[0]
  if (!found) throw notFound(catalogue, schema, name, given, overloads)
  return { function: found, input: toInput(found, input, named.length > 0) }
}

/** Fails with PGRST202 when there is no function of that name, whatever its arguments. */
export function requireFunction(catalogue: Catalogue, schema: string, name: string): void {
  const overloads = catalogue.functions(schema, name)
  if (overloads.length === 0) throw notFound(catalogue, schema, name, undefined, overloads)
}

/** The rows that a function gives, as far as fields can be selected from them. */
export function rowsetOfCall({ function: called }: PlannedCall): Rowset {
  const { returned, name } = called
  if (returned.kind !== 'rows') return { name, relation: undefined, columns: new Map(), computed: new Map() }
  const { relation, columns } = returned
  return { name, relation, columns, computed: relation?.computed ?? new Map() }
}

/** Undefined when a body is given that names no arguments. */
function namesOf(input: CallInput): ReadonlySet<string> | undefined {
  if (input.kind === 'texts') return new Set(input.texts.map((text) => text.name))
  return input.body.kind === 'json' && input.body.isObject ? new Set(input.body.keys) : undefined
}

function takes(candidate: CallableFunction, given: ReadonlySet<string>): boolean {
  const names = new Set(candidate.arguments.map((argument) => argument.name))
  return (
    !names.has('') &&
    [...given].every((name) => names.has(name)) &&
    candidate.arguments.every((argument) => !argument.required || given.has(argument.name))
  )
}

const wholeTypes: Readonly<Record<string, readonly string[]>> = {
  json: ['json', 'jsonb'],
  'text/plain': ['text'],
  'text/xml': ['xml'],
  'application/octet-stream': ['bytea'],
}

/** A function of one unnamed argument takes the whole body. */
function takesWhole(candidate: CallableFunction, input: CallInput): boolean {
  const [only, ...others] = candidate.arguments
  if (input.kind !== 'body' || !only || others.length > 0 || only.name !== '') return false
  const kind = input.body.kind === 'json' ? 'json' : input.body.type
  return wholeTypes[kind]!.includes(only.baseType)
}

function toInput(found: CallableFunction, input: CallInput, byName: boolean): PlannedCall['input'] {
  if (!byName) return { kind: 'single', argument: found.arguments[0]! }
  if (input.kind === 'body') {
    const keys = new Set(input.body.kind === 'json' ? input.body.keys : [])
    return { kind: 'json', arguments: found.arguments.filter((argument) => keys.has(argument.name)) }
  }
  const slots = Map.groupBy(input.texts, (text) => text.name)
  const given = found.arguments.flatMap((argument: Argument) => {
    const texts = slots.get(argument.name)
    return texts ? [{ argument, slots: texts.map((text) => text.slot) }] : []
  })
  return { kind: 'texts', arguments: given }
}

function ambiguous(fitting: readonly CallableFunction[]): Error {
  const candidates = fitting.map(({ schema, name, arguments: list }) => {
    const signature = list.map((argument) => `${argument.name} => ${argument.type}`).join(', ')
    return `${schema}.${name}(${signature})`
  })
  return restErrors.PGRST203({ candidates: candidates.join(', ') })
}

function notFound(
  catalogue: Catalogue,
  schema: string,
  name: string,
  given: ReadonlySet<string> | undefined,
  overloads: readonly CallableFunction[],
): Error {
  const full = `${schema}.${name}`
  const list = [...(given ?? [])].join(', ')
  const what = given === undefined || given.size === 0 ? 'without parameters' : `with parameters ${list}`
  return restErrors.PGRST202({
    signature: given && given.size > 0 ? `${full}(${list})` : `${full}`,
    details: `Searched for the function ${full} ${what} or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.`,
    hint: nearFunction(catalogue, schema, name, overloads),
  })
}

function nearFunction(
  catalogue: Catalogue,
  schema: string,
  name: string,
  overloads: readonly CallableFunction[],
): string | null {
  const other = overloads[0]
  if (other) {
    const list = other.arguments.map((argument) => argument.name).join(', ')
    return `Perhaps you meant to call the function ${schema}.${name}(${list})`
  }
  const near = nearest(name, catalogue.functionNames(schema))
  return near === undefined ? null : `Perhaps you meant to call the function ${schema}.${near}`
}
