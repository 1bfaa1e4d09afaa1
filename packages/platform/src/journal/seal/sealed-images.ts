/**
 * How an entry keeps personal values: sealed together, one block for the entry's person. An image says `0` in the place of
 * such a value, so its columns can be told without a key, and has the block under `""`, which is no column's name. The
 * block of an update has the values of both images and is in the one before, unless the row came to another person.
 */
export interface SealedBlock {
  /** Which key opens it. */
  readonly key: string
  /** {@link BlockContent} as JSON, sealed, in base64; the table's name is authenticated with it. */
  readonly sealed: string
}

/** Values of personal columns that are not null. */
export interface BlockContent {
  readonly before?: Readonly<Record<string, string>>
  readonly after?: Readonly<Record<string, string>>
}

const blockName = ''
export const sealedPlace = 0

/** An image as the journal has it. */
export type SealedImage = Readonly<Record<string, string | null | typeof sealedPlace | SealedBlock>>

/** An image whose values can be read; `undefined` for a value whose key was destroyed or is not at hand. */
export type OpenedImage = Record<string, string | null | undefined>

/** The images of one entry. */
export interface Images<Image> {
  readonly before: Image | null
  readonly after: Image | null
}

/** Opens a block of a table; undefined when its key is not there. */
export type OpenBlock = (relation: string, block: SealedBlock) => BlockContent | undefined

export function openImages(
  relation: string,
  { before, after }: Images<SealedImage>,
  open: OpenBlock,
): Images<OpenedImage> {
  const contents = blocksOf(before, after).map((block) => open(relation, block))
  const valuesOf = (image: 'before' | 'after') =>
    Object.assign({}, ...contents.map((content) => content?.[image] ?? {})) as Record<string, string>
  return {
    before: before && openImage(before, valuesOf('before')),
    after: after && openImage(after, valuesOf('after')),
  }
}

export function blocksOf(...images: readonly (SealedImage | null)[]): SealedBlock[] {
  return images.flatMap((image) => {
    const block = image?.[blockName]
    return typeof block === 'object' && block !== null ? [block] : []
  })
}

function openImage(image: SealedImage, values: Readonly<Record<string, string>>): OpenedImage {
  const opened: OpenedImage = {}
  for (const [column, value] of Object.entries(image)) {
    if (column === blockName) continue
    opened[column] = value === sealedPlace ? values[column] : (value as string | null)
  }
  return opened
}
