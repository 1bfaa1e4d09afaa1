import type { JoinPair, Relation, Relationship } from './model.ts'
import type { KeyRow } from './rows.ts'
import type { ShownColumn } from './view-columns.ts'

/** A relation as it shows a table's columns: the table itself, or a view on it. */
interface Appearance {
  readonly relation: Relation
  /** Names in this relation of a column number of the table: a view may show one several times. */
  namesOf(column: number): readonly string[]
}

export interface RelationshipSources {
  readonly relations: ReadonlyMap<number, Relation>
  readonly columnNames: ReadonlyMap<number, ReadonlyMap<number, string>>
  readonly keys: readonly KeyRow[]
  readonly shown: ReadonlyMap<number, readonly ShownColumn[]>
  /** Schemas that requests may name; others' tables join nothing. */
  readonly exposed: ReadonlySet<string>
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
  for (const relationship of throughJunctions(sources, byRelation)) add(relationship)
  return byRelation
}

function findAppearances({ relations, columnNames, shown }: RelationshipSources): Map<number, Appearance[]> {
  const appearances = new Map<number, Appearance[]>()
  for (const relation of relations.values()) {
    if (relation.kind !== 'table') continue
    const names = columnNames.get(relation.id)
    const namesOf = (column: number) => [names?.get(column)].filter((name) => name !== undefined)
    appearances.set(relation.id, [{ relation, namesOf }])
  }
  for (const [view, columns] of shown) {
    const relation = relations.get(view)
    if (!relation) continue
    const names = columnNames.get(view)!
    for (const table of new Set(columns.map((column) => column.relation))) {
      const own = Map.groupBy(
        columns.filter((column) => column.relation === table),
        (column) => column.relationColumn,
      )
      const namesOf = (column: number) => (own.get(column) ?? []).map((shown) => names.get(shown.column)!)
      appearances.get(table)?.push({ relation, namesOf })
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
      for (const pairs of pairUp(key, child, parent)) yield* bothWays(key.name, child, parent, pairs, unique)
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

function bothWays(
  constraint: string,
  { relation: child }: Appearance,
  { relation: parent }: Appearance,
  pairs: readonly JoinPair[],
  unique: boolean,
): Relationship[] {
  return [
    {
      constraint,
      from: child,
      to: parent,
      cardinality: unique ? 'one-to-one' : 'many-to-one',
      holdsKey: true,
      pairs,
    },
    {
      constraint,
      from: parent,
      to: child,
      cardinality: unique ? 'one-to-one' : 'one-to-many',
      holdsKey: false,
      pairs: pairs.map(([left, right]) => [right, left] as const),
    },
  ]
}

/** Every way to join by a key; more than one where a view shows a column of it several times. */
function pairUp(key: KeyRow, child: Appearance, parent: Appearance): JoinPair[][] {
  return key.columns.reduce<JoinPair[][]>(
    (found, column, index) => {
      const others = parent.namesOf(key.targetColumns![index]!)
      const pairs = child.namesOf(column).flatMap((own) => others.map((other): JoinPair => [own, other]))
      return found.flatMap((before) => pairs.map((pair) => [...before, pair])).slice(0, mostWays)
    },
    [[]],
  )
}

/** Of one key between two views: somebody's view may show each of a key's columns many times. */
const mostWays = 16

/** A table or view of an exposed schema whose primary key holds two foreign keys joins what they point at, many to many. */
function throughJunctions(
  { relations, exposed }: RelationshipSources,
  byRelation: ReadonlyMap<number, readonly Relationship[]>,
): Relationship[] {
  return [...relations.values()].flatMap((junction) => {
    if (!exposed.has(junction.schema)) return []
    const inKey = (byRelation.get(junction.id) ?? []).filter(
      ({ cardinality, pairs }) =>
        cardinality === 'many-to-one' && pairs.every(([own]) => junction.primaryKey.includes(own)),
    )
    return inKey.flatMap((near) =>
      inKey.filter((far) => far.constraint !== near.constraint).map((far) => joinedBy(junction, near, far)),
    )
  })
}

function joinedBy(junction: Relation, near: Relationship, far: Relationship): Relationship {
  return {
    from: near.to,
    to: far.to,
    cardinality: 'many-to-many',
    constraint: `${near.constraint} and ${far.constraint}`,
    holdsKey: false,
    pairs: [],
    junction: {
      relation: junction,
      constraints: [near.constraint, far.constraint],
      fromPairs: near.pairs.map(([own, other]) => [other, own] as const),
      toPairs: far.pairs,
    },
  }
}
