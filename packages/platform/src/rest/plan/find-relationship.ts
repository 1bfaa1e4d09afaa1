import { nearestName as nearest } from '../../kernel/index.ts'
import type { Catalogue, Relation, Relationship } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'

/**
 * Finds the one way from a relation to what `target` names: a relation, a foreign key, a column that holds one, or a
 * computed relationship. `hint` narrows it down by foreign key, column or junction. PGRST200 for none, PGRST201 for
 * several.
 */
export function findRelationship(
  catalogue: Catalogue,
  from: Relation,
  target: string,
  hint: string | undefined,
): Relationship {
  const all = catalogue.relationshipsOf(from)
  const computed = all.filter((one) => one.computedBy?.name === target)
  const found =
    computed.length > 0 ? computed : all.filter((one) => !one.computedBy && leadsTo(one, target, hint))
  if (found.length === 1) return found[0]!
  throw found.length === 0 ? noRelationship(catalogue, from, target, hint) : ambiguous(from, target, found)
}

function leadsTo(one: Relationship, target: string, hint: string | undefined): boolean {
  if (one.from === one.to && !one.junction) return selfLeadsTo(one, target, hint)
  if (one.to.name === target) return hint === undefined || fits(one, hint)
  return hint === undefined && isKeyName(one, target)
}

/**
 * A foreign key within one table leads both ways: its table's name to the rows that point here, its own or its
 * column's name to the row that this one points at.
 */
function selfLeadsTo(one: Relationship, target: string, hint: string | undefined): boolean {
  if (one.holdsKey) return hint === undefined && isKeyName(one, target)
  return one.to.name === target && (hint === undefined || fits(one, hint))
}

/** The key's own name, or on the side that holds it that of its only column; it leads to tables, never to views of them. */
function isKeyName(one: Relationship, name: string): boolean {
  if (one.to.kind !== 'table' || one.junction) return false
  return one.constraint === name || (one.holdsKey && one.pairs.length === 1 && one.pairs[0]![0] === name)
}

function fits(one: Relationship, hint: string): boolean {
  if (one.junction) return one.junction.relation.name === hint || one.junction.constraints.includes(hint)
  if (one.constraint === hint) return true
  return one.pairs.length === 1 && one.pairs[0]!.includes(hint)
}

function noRelationship(catalogue: Catalogue, from: Relation, to: string, hint: string | undefined): Error {
  const reachable = catalogue.relationshipsOf(from).map((one) => one.computedBy?.name ?? one.to.name)
  const near = nearest(to, new Set(reachable))
  const by = hint === undefined ? '' : ` using the hint '${hint}'`
  return restErrors.PGRST200({
    from: from.name,
    to,
    details: `Searched for a foreign key relationship between '${from.name}' and '${to}'${by} in the schema '${from.schema}', but no matches were found.`,
    hint: near === undefined || near === to ? null : `Perhaps you meant '${near}' instead of '${to}'.`,
  })
}

function ambiguous(from: Relation, to: string, found: readonly Relationship[]): Error {
  const choices = found.map((one) => `'${one.to.name}!${one.junction?.relation.name ?? one.constraint}'`)
  return restErrors.PGRST201({
    from: from.name,
    to,
    details: found.map((one) => ({
      cardinality: one.cardinality,
      embedding: `${one.from.name} with ${one.to.name}`,
      relationship: describe(one),
    })),
    hint: `Try changing '${to}' to one of the following: ${[...new Set(choices)].join(', ')}. Find the desired relationship in the 'details' key.`,
  })
}

function describe(one: Relationship): string {
  const side = (name: string, columns: readonly string[]) => `${name}(${columns.join(', ')})`
  if (one.junction) {
    const { relation, constraints, fromPairs, toPairs } = one.junction
    const near = side(
      constraints[0],
      fromPairs.map(([, column]) => column),
    )
    const far = side(
      constraints[1],
      toPairs.map(([column]) => column),
    )
    return `${relation.name} using ${near} and ${far}`
  }
  const own = side(
    one.from.name,
    one.pairs.map(([column]) => column),
  )
  const other = side(
    one.to.name,
    one.pairs.map(([, column]) => column),
  )
  return `${one.constraint} using ${own} and ${other}`
}
