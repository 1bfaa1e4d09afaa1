import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'

/** How the rows of an answer are written. */
export interface Format {
  readonly kind: 'array' | 'object' | 'csv' | 'raw'
  /** Leaves keys out whose value is null. */
  readonly stripNulls: boolean
  readonly contentType: string
  /** Of `raw`, which only functions can give: every type that the request takes, most wanted first. */
  readonly accepted?: readonly string[]
  /** Set when the statement's plan is asked for instead of its rows. */
  readonly plan?: ExplainPlan
}

/** How PostgreSQL is asked for a plan. */
export interface ExplainPlan {
  readonly format: 'text' | 'json'
  readonly options: readonly (typeof planOptions)[number][]
}

const planOptions = ['analyze', 'verbose', 'settings', 'buffers', 'wal'] as const

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

export interface FormatChoice {
  /** A function may give types of its own; whether it does is known when it is found. */
  readonly isCall?: boolean
  /** Whether execution plans may be asked for. */
  readonly plans?: boolean | undefined
}

/** Picks the format that an `Accept` header wants most; PGRST107 when there is none. */
export function chooseFormat(
  accept: string | null,
  { isCall = false, plans = false }: FormatChoice = {},
): Format {
  if (accept === null || accept === '') return array
  const simple = formats.get(accept)
  if (simple) return simple
  const types = acceptedTypes(accept)
  for (const { type, parameters } of types) {
    const format = formats.get(type)
    if (format && type.includes('vnd.pgrst') && parameters.includes('nulls=stripped'))
      return stripped.get(format)!
    if (format) return format
    if (plans && planTypes.has(type)) return planFormat(type, parameters)
    if (isCall && /^[\w.+-]+\/[\w.+*-]+$/.test(type) && !type.includes('vnd.pgrst')) {
      return { kind: 'raw', stripNulls: false, contentType: type, accepted: types.map((one) => one.type) }
    }
  }
  throw restErrors.PGRST107({ types: accept })
}

const planTypes = new Set([
  'application/vnd.pgrst.plan',
  'application/vnd.pgrst.plan+text',
  'application/vnd.pgrst.plan+json',
])

/** The plan of the statement that would give the format after `for=`; `options=analyze|verbose` are EXPLAIN's. */
function planFormat(type: string, parameters: readonly string[]): Format {
  const parameter = (name: string) =>
    parameters
      .find((one) => one.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', '')
  const planned = formats.get(parameter('for') ?? 'application/json')
  if (!planned) throw restErrors.PGRST107({ types: parameter('for') })
  const asked = (parameter('options') ?? '').split('|')
  const options = planOptions.filter((option) => asked.includes(option))
  const format = type.endsWith('+json') ? 'json' : 'text'
  const list = options.length > 0 ? ` options=${options.join('|')};` : ''
  const planFor = planned.contentType.split(';')[0]
  const contentType = `application/vnd.pgrst.plan+${format}; for="${planFor}";${list} charset=utf-8`
  return { ...planned, contentType, plan: { format, options } }
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
