import type { ShapedColumn, TableShape } from './read-tables.ts'

/** How an image of one shape goes into a table of another. */
export interface ShapeDifference {
  /** Why it does not; undefined where it does. */
  readonly problem?: string
  /** Columns that the image says nothing about. */
  readonly added: readonly string[]
  /** Columns of which the values have to be tried: their type is another one. */
  readonly retyped: readonly string[]
}

/** Compares by the numbers of columns, which stay when names are changed. */
export function compareShapes(was: TableShape, is: TableShape): ShapeDifference {
  const problem = findProblem(was, is)
  if (problem !== undefined) return { problem, added: [], retyped: [] }
  const columns = Object.entries(is.columns).filter(([, { generated }]) => !generated)
  const added = columns.filter(([number]) => !was.columns[number]).map(([, { name }]) => name)
  const retyped = columns
    .filter(([number, column]) => {
      const old = was.columns[number]
      return old !== undefined && (old.type !== column.type || old.modifier !== column.modifier)
    })
    .map(([, { name }]) => name)
  return { added, retyped }
}

function findProblem(was: TableShape, is: TableShape): string | undefined {
  if (was.table !== is.table) return 'it was another table of this name'
  if (JSON.stringify(was.key) !== JSON.stringify(is.key)) return 'it had another primary key'
  for (const [number, column] of Object.entries(is.columns)) {
    const old = was.columns[number]
    const problem = old ? changeOf(old, column) : namesakeOf(column, was)
    if (problem !== undefined) return problem
  }
  return undefined
}

function changeOf(old: ShapedColumn, column: ShapedColumn): string | undefined {
  if (old.name !== column.name) return `column "${column.name}" was called "${old.name}"`
  if (old.generated !== column.generated)
    return `column "${column.name}" was ${old.generated ? '' : 'not '}generated`
  const other = Object.keys(old.parts).find(
    (part) => JSON.stringify(old.parts[part]) !== JSON.stringify(column.parts[part]),
  )
  if (other !== undefined && old.type === column.type)
    return `the type of column "${column.name}" had other names for its values`
  return undefined
}

function namesakeOf(column: ShapedColumn, was: TableShape): string | undefined {
  const namesake = Object.values(was.columns).some(({ name }) => name === column.name)
  return namesake ? `column "${column.name}" is another one: that one was dropped or renamed` : undefined
}
