import type { BlockToSeal, SubjectKey } from './seal-block.ts'

/** Pieces of bytes, one after the other, in memory that goes over to another thread instead of being copied. */
export interface PackedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each piece ends. */
  readonly ends: Uint32Array<ArrayBuffer>
}

export interface PackedBlocks {
  readonly contents: PackedBytes
  readonly keys: PackedBytes
  readonly keyIds: readonly string[]
  readonly relations: readonly string[]
  /** For each block, the place of its key and that of its table. */
  readonly places: Uint32Array<ArrayBuffer>
}

export function packBytes(pieces: readonly Uint8Array[]): PackedBytes {
  const ends = new Uint32Array(pieces.length)
  let end = 0
  pieces.forEach((piece, place) => {
    end += piece.length
    ends[place] = end
  })
  const bytes = new Uint8Array(end)
  pieces.forEach((piece, place) => {
    bytes.set(piece, ends[place]! - piece.length)
  })
  return { bytes, ends }
}

export function unpackBytes({ bytes, ends }: PackedBytes): Buffer[] {
  return Array.from(ends, (end, place) => {
    const start = place === 0 ? 0 : ends[place - 1]!
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
  })
}

export function packBlocks(blocks: readonly BlockToSeal[]): PackedBlocks {
  const keys = new Map<SubjectKey, number>()
  const relations = new Map<string, number>()
  const places = new Uint32Array(blocks.length * 2)
  blocks.forEach(({ key, relation }, index) => {
    places[index * 2] = placeIn(keys, key)
    places[index * 2 + 1] = placeIn(relations, relation)
  })
  return {
    contents: packBytes(blocks.map(({ content }) => content)),
    keys: packBytes([...keys.keys()].map(({ key }) => key)),
    keyIds: [...keys.keys()].map(({ id }) => id),
    relations: [...relations.keys()],
    places,
  }
}

export function unpackBlocks({ contents, keys, keyIds, relations, places }: PackedBlocks): BlockToSeal[] {
  const known = unpackBytes(keys).map((key, place): SubjectKey => ({ id: keyIds[place]!, key }))
  return unpackBytes(contents).map((content, index) => ({
    key: known[places[index * 2]!]!,
    relation: relations[places[index * 2 + 1]!]!,
    content,
  }))
}

function placeIn<T>(places: Map<T, number>, value: T): number {
  const place = places.get(value) ?? places.size
  places.set(value, place)
  return place
}
