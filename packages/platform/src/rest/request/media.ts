import { restErrors } from '../errors.ts'

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

const formats: Readonly<Record<string, Format>> = {
  '*/*': array,
  'application/*': array,
  'application/json': array,
  'application/vnd.pgrst.array': array,
  'application/vnd.pgrst.array+json': array,
  'application/vnd.pgrst.array+json;nulls=stripped': strippedArray,
  'application/vnd.pgrst.object': object,
  'application/vnd.pgrst.object+json': object,
  'application/vnd.pgrst.object+json;nulls=stripped': strippedObject,
  'text/csv': csv,
  'text/*': csv,
}

/** Picks the format that an `Accept` header wants most; PGRST107 when there is none. */
export function chooseFormat(accept: string | null): Format {
  if (accept === null || accept === '') return array
  const simple = formats[accept]
  if (simple) return simple
  for (const type of acceptedTypes(accept)) {
    const format = formats[type]
    if (format) return format
  }
  throw restErrors.PGRST107({ types: accept })
}

/** The media types of an `Accept` header, most wanted first, parameters kept except `q` and `charset`. */
export function acceptedTypes(accept: string): string[] {
  return accept
    .split(',')
    .map((part, index) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      const kept = parameters.filter((parameter) => parameter !== '' && !/^(q|charset)=/.test(parameter))
      return { type: [type, ...kept].join(';'), quality: quality ? Number(quality.slice(2)) || 0 : 1, index }
    })
    .sort((left, right) => right.quality - left.quality || left.index - right.index)
    .map(({ type }) => type)
}

/** The type of a request body, without its parameters. */
export function bodyType(contentType: string | null): string {
  return (contentType ?? 'application/json').split(';')[0]!.trim().toLowerCase()
}
