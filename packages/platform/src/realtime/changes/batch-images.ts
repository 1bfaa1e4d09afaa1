import type { RowChange, RowImage } from '../../tail/index.ts'
import type { TableDescription } from './describe-table.ts'
import { compositeText } from './row-values.ts'

/** Which of a change's two images. */
export type Side = 'before' | 'after'

/** The images of the changes of one table that policies and filters can be applied to. */
export interface BatchImages {
  readonly all: readonly RowImage[]
  /** Undefined for an image that is not there. Without full replica identity, what comes before a change is only a key. */
  indexOf(change: RowChange, side: Side): number | undefined
}

export function indexImages(table: TableDescription, changes: readonly RowChange[]): BatchImages {
  const all: RowImage[] = []
  const places = new Map<RowChange, { readonly [side in Side]: number | undefined }>()
  const place = (image: RowImage | null) => (image === null ? undefined : all.push(image) - 1)
  for (const change of changes) {
    const before = table.fullImages ? place(change.before) : undefined
    places.set(change, { before, after: place(change.after) })
  }
  return { all, indexOf: (change, side) => places.get(change)?.[side] }
}

/** Images as composite texts; those that agree in every column that counts share one. */
export interface ImageTexts {
  readonly texts: readonly string[]
  /** The text of an image; undefined for an image that lacks a column that counts. */
  placeOf(image: number): number | undefined
}

export function textsOf(
  table: TableDescription,
  images: readonly RowImage[],
  isNeeded: (column: TableDescription['columns'][number]) => boolean,
): ImageTexts {
  const needed = table.columns.filter(isNeeded)
  const places = new Map<string, number>()
  const placed = images.map((image) => {
    // Generated columns do not travel on every version of PostgreSQL; a policy that reads one then sees null.
    if (!needed.every(({ name, generated }) => generated || image[name] !== undefined)) return undefined
    const text = compositeText(table.columns, image, isNeeded)
    const place = places.get(text) ?? places.size
    places.set(text, place)
    return place
  })
  return { texts: [...places.keys()], placeOf: (image) => placed[image] }
}
