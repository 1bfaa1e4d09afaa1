import type { ViewRow } from './rows.ts'

/** A column of a view that shows a column of another relation unchanged. */
export interface ShownColumn {
  /** Number of the view's column. */
  readonly column: number
  readonly relation: number
  readonly relationColumn: number
}

const number = /:resno (\d+) /
const origin = /:resorigtbl (\d+) :resorigcol (\d+) :resjunk false/

/**
 * Which columns of a view show which columns of what it selects from, read from the top target list of its parse
 * tree (`pg_rewrite.ev_action`). Set operations show none: their rows come from several places.
 */
export function readShownColumns({ action }: ViewRow): ShownColumn[] {
  const query = topLevelParts(action)
  if (query.setOperation) return []
  return query.entries.flatMap((text) => {
    const column = number.exec(text)?.[1]
    const [, relation = '0', relationColumn] = origin.exec(text) ?? []
    if (column === undefined || relation === '0') return []
    return [{ column: Number(column), relation: Number(relation), relationColumn: Number(relationColumn) }]
  })
}

/** Walks the node tree once and keeps what stands directly in the outermost query. */
function topLevelParts(action: string): { entries: string[]; setOperation: boolean } {
  const entries: string[] = []
  let depth = 0
  let own = ''
  let current = ''
  for (let index = 0; index < action.length; index += 1) {
    const character = action[index]!
    if (character === '\\') {
      index += 1
      if (depth === 2) current += '?'
      continue
    }
    if (character === '{') {
      depth += 1
      if (depth === 2) current = ''
    } else if (character === '}') {
      if (depth === 2 && own.lastIndexOf(':targetList') > own.lastIndexOf(':override')) entries.push(current)
      if (depth === 2) own += '{}'
      depth -= 1
    } else if (depth === 1) own += character
    else if (depth === 2) current += character
  }
  return {
    entries: entries.filter((text) => text.startsWith('TARGETENTRY')),
    setOperation: /:setOperations \{\}/.test(own),
  }
}

/** Follows views of views down to tables: for each view, its columns as columns of tables. */
export function resolveShownColumns(views: readonly ViewRow[]): ReadonlyMap<number, readonly ShownColumn[]> {
  const direct = new Map(views.map((view) => [view.id, readShownColumns(view)]))
  const resolved = new Map<number, readonly ShownColumn[]>()
  const resolve = (id: number): readonly ShownColumn[] => {
    const known = resolved.get(id)
    if (known) return known
    resolved.set(id, [])
    const columns = direct.get(id)!.flatMap((shown) => {
      if (!direct.has(shown.relation)) return [shown]
      return resolve(shown.relation)
        .filter((below) => below.column === shown.relationColumn)
        .map((below) => ({ ...below, column: shown.column }))
    })
    resolved.set(id, columns)
    return columns
  }
  for (const id of direct.keys()) resolve(id)
  return resolved
}
