import { Scanner } from './scanner.ts'

/** A type as a cast names it: `numeric(10,2)`, `timestamp(3) with time zone`, `int4[]`. */
export interface TypeName {
  /** Without length and brackets, words separated as written: `timestamp with time zone`. */
  readonly name: string
  /** Digits of length and scale, as written. */
  readonly length: string | undefined
  readonly scale: string | undefined
  readonly isArray: boolean
}

/** Reads a type's name; each part is one run of characters, so that no text is read twice. */
export function readTypeName(scanner: Scanner): TypeName {
  const words = scanner.match(/[\p{L}_][\p{L}\p{N}_ ]*/uy)?.[0]
  if (words === undefined) throw scanner.failure('type name')
  const modifiers = scanner.match(/\((\d{1,4})(?:,(\d{1,4}))?\)/y)
  const suffix = modifiers ? (scanner.match(/ [\p{L} ]+/uy)?.[0] ?? '') : ''
  const isArray = scanner.take('[]')
  return {
    name: `${words.trimEnd()}${suffix.trimEnd()}`,
    length: modifiers?.[1],
    scale: modifiers?.[2],
    isArray,
  }
}

/** Reads a text that is a type's name and nothing else; undefined for any other. */
export function parseTypeName(text: string): TypeName | undefined {
  const scanner = new Scanner(text.trim(), 'type name')
  try {
    const name = readTypeName(scanner)
    return scanner.atEnd ? name : undefined
  } catch {
    return undefined
  }
}
