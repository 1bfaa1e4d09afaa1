import type { JoinPair, Relation, Relationship } from './model.ts'
import type { KeyRow } from './rows.ts'
import type { ShownColumn } from './view-columns.ts'

/** A relation as it shows a table's columns: the table itself, or a view on it. */
interface Appearance {
  readonly relation: Relation
  /** Name in this relation of a column number of the table. */
  nameOf(column: number): string | undefined
}

export interface RelationshipSources {
  readonly relations: ReadonlyMap<number, Relation>
  readonly columnNames: ReadonlyMap<number, ReadonlyMap<number, string>>
  readonly keys: readonly KeyRow[]
  readonly shown: ReadonlyMap<number, readonly ShownColumn[]>
}

/** Every way between two relations that foreign keys make, views and junction tables included, by relation id. */
export function findRelationships(sources: RelationshipSources): Map<number, Relationship[]> {
  const byRelation = new Map<number, Relationship[]>()
  const add = (relationship: Relationship) => {
    const list = byRelation.get(relationship.from.id)
    if (list) list.push(relationship)
    else byRelation.set(relationship.from.id, [relationship])
  }
  const appearances = findAppearances(sources)
  const foreignKeys = sources.keys.filter((key) => key.kind === 'f')
  for (const key of foreignKeys)
    for (const relationship of ofForeignKey(key, sources, appearances)) add(relationship)
  for (const relationship of throughJunctions(foreignKeys, sources, appearances)) add(relationship)
  return byRelation
}

function findAppearances({ relations, columnNames, shown }: RelationshipSources): Map<number, Appearance[]> {
  const appearances = new Map<number, Appearance[]>()
  for (const relation of relations.values()) {
    if (relation.kind !== 'table') continue
    const names = columnNames.get(relation.id)
    appearances.set(relation.id, [{ relation, nameOf: (column) => names?.get(column) }])
  }
  for (const [view, columns] of shown) {
    const relation = relations.get(view)
    if (!relation) continue
    const names = columnNames.get(view)!
    for (const table of new Set(columns.map((column) => column.relation))) {
      const own = new Map<number, string>()
      for (const column of columns) {
        if (column.relation === table && !own.has(column.relationColumn)) {
          own.set(column.relationColumn, names.get(column.column)!)
        }
      }
      appearances.get(table)?.push({ relation, nameOf: (column) => own.get(column) })
    }
  }
  return appearances
}

function* ofForeignKey(
  key: KeyRow,
  { keys }: RelationshipSources,
  appearances: Map<number, Appearance[]>,
): Generator<Relationship> {
  const unique = holdsOnce(key, keys)
  for (const child of appearances.get(key.relation) ?? []) {
    for (const parent of appearances.get(key.target) ?? []) {
      const pairs = pairUp(key, child, parent)
      if (!pairs) continue
      const shared = { constraint: key.name }
      yield {
        ...shared,
        from: child.relation,
        to: parent.relation,
        cardinality: unique ? 'one-to-one' : 'many-to-one',
        holdsKey: true,
        pairs,
      }
      yield {
        ...shared,
        from: parent.relation,
        to: child.relation,
        cardinality: unique ? 'one-to-one' : 'one-to-many',
        holdsKey: false,
        pairs: pairs.map(([left, right]) => [right, left] as const),
      }
    }
  }
}

/** True when at most one row can hold one key: its columns are the primary key or unique. */
function holdsOnce(key: KeyRow, keys: readonly KeyRow[]): boolean {
  return keys.some(
    (other) =>
      other.relation === key.relation &&
      other.kind !== 'f' &&
      other.columns.length <= key.columns.length &&
      other.columns.every((column) => key.columns.includes(column)),
  )
}

function pairUp(key: KeyRow, child: Appearance, parent: Appearance): JoinPair[] | undefined {
  const pairs: JoinPair[] = []
  for (const [index, column] of key.columns.entries()) {
    const own = child.nameOf(column)
    const other = parent.nameOf(key.targetColumns![index]!)
    if (own === undefined || other === undefined) return undefined
    pairs.push([own, other])
  }
  return pairs
}

/** A table whose primary key holds two foreign keys joins what they point at, many to many. */
function* throughJunctions(
  foreignKeys: readonly KeyRow[],
  { keys, relations, columnNames }: RelationshipSources,
  appearances: Map<number, Appearance[]>,
): Generator<Relationship> {
  for (const primary of keys) {
    if (primary.kind !== 'p') continue
    const junction = relations.get(primary.relation)
    if (!junction) continue
    const names = columnNames.get(junction.id)!
    const here: Appearance = { relation: junction, nameOf: (column) => names.get(column) }
    const inKey = foreignKeys.filter(
      (key) =>
        key.relation === junction.id && key.columns.every((column) => primary.columns.includes(column)),
    )
    for (const near of inKey) {
      for (const far of inKey) {
        if (near === far) continue
        for (const from of appearances.get(near.target) ?? []) {
          for (const to of appearances.get(far.target) ?? []) {
            const nearPairs = pairUp(near, here, from)
            const toPairs = pairUp(far, here, to)
            if (!nearPairs || !toPairs) continue
            yield {
              from: from.relation,
              to: to.relation,
              cardinality: 'many-to-many',
              constraint: `${near.name} and ${far.name}`,
              holdsKey: false,
              pairs: [],
              junction: {
                relation: junction,
                constraints: [near.name, far.name],
                fromPairs: nearPairs.map(([own, other]) => [other, own] as const),
                toPairs,
              },
            }
          }
        }
      }
    }
  }
}
