import { invalid } from './failure.ts'

/** Finds what ids stand for, and what an object gives only when it is asked for. */
export interface Expansion {
  find(id: string): object | undefined
  included(object: object, name: string): unknown
}

/** Longest path, as Stripe has it. */
const deepest = 4

/** A copy of an object in which the ids at these paths are replaced by what they stand for. */
export function expandObject(object: object, paths: readonly string[], expansion: Expansion): object {
  const copy = structuredClone(object)
  for (const path of paths) {
    const names = path.split('.')
    if (names.length > deepest + 1)
      throw invalid(`You cannot expand more than ${deepest} levels of a property. Property: ${path}`)
    expandPath(copy, names, path, expansion)
  }
  return copy
}

function expandPath(at: unknown, names: readonly string[], path: string, expansion: Expansion): void {
  const [name, ...rest] = names
  if (name === undefined || typeof at !== 'object' || at === null) return
  if (Array.isArray(at)) {
    for (const each of at) expandPath(each, names, path, expansion)
    return
  }
  const holder = at as Record<string, unknown>
  const included = holder[name] === undefined ? expansion.included(holder, name) : holder[name]
  if (included === undefined)
    throw invalid(`This property cannot be expanded (${path}). You may want to try expanding 'data.${path}'.`)
  holder[name] = resolve(included, expansion)
  expandPath(holder[name], rest, path, expansion)
}

function resolve(value: unknown, expansion: Expansion): unknown {
  if (Array.isArray(value)) return value.map((each) => resolve(each, expansion))
  if (typeof value !== 'string') return value
  const found = expansion.find(value)
  return found ? structuredClone(found) : value
}
