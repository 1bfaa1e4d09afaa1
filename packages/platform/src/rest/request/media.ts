import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'

/** How the rows of an answer are written. */
export interface Format {
  readonly kind: 'array' | 'object' | 'csv'
  /** Leaves keys out whose value is null. */
  readonly stripNulls: boolean
  readonly contentType: string
}

const array: Format = { kind: 'array', stripNulls: false, contentType: 'application/json; charset=utf-8' }
const strippedArray: Format = {
  kind: 'array',
  stripNulls: true,
  contentType: 'application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8',
}
const object: Format = {
  kind: 'object',
  stripNulls: false,
  contentType: 'application/vnd.pgrst.object+json; charset=utf-8',
}
const strippedObject: Format = {
  kind: 'object',
  stripNulls: true,
  contentType: 'application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8',
}
const csv: Format = { kind: 'csv', stripNulls: false, contentType: 'text/csv; charset=utf-8' }

const formats: ReadonlyMap<string, Format> = new Map([
  ['*/*', array],
  ['application/*', array],
  ['application/json', array],
  ['application/vnd.pgrst.array', array],
  ['application/vnd.pgrst.array+json', array],
  ['application/vnd.pgrst.object', object],
  ['application/vnd.pgrst.object+json', object],
  ['text/csv', csv],
  ['text/*', csv],
])

const stripped: ReadonlyMap<Format, Format> = new Map([
  [array, strippedArray],
  [object, strippedObject],
])

/** Picks the format that an `Accept` header wants most; PGRST107 when there is none. */
export function chooseFormat(accept: string | null): Format {
  if (accept === null || accept === '') return array
  const simple = formats.get(accept)
  if (simple) return simple
  for (const { type, parameters } of acceptedTypes(accept)) {
    const format = formats.get(type)
    if (format && type.includes('vnd.pgrst') && parameters.includes('nulls=stripped'))
      return stripped.get(format)!
    if (format) return format
  }
  throw restErrors.PGRST107({ types: accept })
}

/** A media type of an `Accept` header. */
export interface AcceptedType {
  readonly type: string
  /** In small letters, without blanks; `q` is left out. */
  readonly parameters: readonly string[]
}

/** The media types of an `Accept` header, most wanted first; what is refused by `q=0` is left out. */
export function acceptedTypes(accept: string): AcceptedType[] {
  return accept
    .split(',', bounds.mediaTypes)
    .map((part, index) => {
      const [type = '', ...parameters] = part
        .split(';', bounds.mediaTypes)
        .map((piece) => piece.trim().toLowerCase())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      const others = parameters.filter((parameter) => parameter !== quality)
      return { type, parameters: others, quality: readQuality(quality), index }
    })
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality || left.index - right.index)
}

/** RFC 9110, 12.4.2; one that is no number does not count. */
function readQuality(parameter: string | undefined): number {
  const quality = Number(parameter?.slice(2))
  return Number.isNaN(quality) ? 1 : quality
}

/** The type of a request body, without its parameters. */
export function bodyType(contentType: string | null): string {
  return (contentType ?? 'application/json').split(';')[0]!.trim().toLowerCase()
}
