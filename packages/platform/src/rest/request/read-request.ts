import { restErrors } from '../errors.ts'
import { type CallBody, type RowsBody, readCallBody, readRows } from './body.ts'
import { chooseFormat } from './media.ts'
import { readPreferences } from './preferences.ts'
import { type RestQuery, readQuery } from './query.ts'
import { readWindow } from './range.ts'
import type { Method, RestRequest } from './rest-request.ts'

/** A request as it arrives. */
export interface RawRequest {
  readonly method: string
  readonly kind: 'relation' | 'function'
  readonly name: string
  /** Query string without `?`. */
  readonly search: string
  header(name: string): string | null
  readBody(): Promise<Buffer>
}

export interface RequestSettings {
  readonly schemas: readonly string[]
  readonly maxRows: number | undefined
  /** Largest body in bytes. */
  readonly maxBody: number
}

/** Reads a request as far as the catalogue is not needed for it. */
export async function readRequest(raw: RawRequest, settings: RequestSettings): Promise<RestRequest> {
  const method = methodOf(raw)
  const reads = method === 'GET' || method === 'HEAD'
  const isCall = raw.kind === 'function'
  const query = readQuery(raw.search, isCall && reads)
  const preferences = readPreferences(raw.header('prefer'))
  const format = chooseFormat(raw.header('accept'))
  const schema = schemaOf(raw, reads, settings.schemas)
  const range = method === 'GET' ? raw.header('range') : null
  const limitedBySetting = reads || isCall ? settings.maxRows : undefined
  const window = readWindow(query.limit, query.offset, range, limitedBySetting)
  const bodies = reads || method === 'DELETE' ? noBodies : await readBodies(raw, isCall, settings, query)
  return { method, schema, name: raw.name, query, preferences, format, window, ...bodies }
}

type Bodies = { readonly rows: RowsBody | undefined; readonly call: CallBody | undefined }
const noBodies: Bodies = { rows: undefined, call: undefined }

async function readBodies(
  raw: RawRequest,
  isCall: boolean,
  { maxBody }: RequestSettings,
  { columns, slots }: RestQuery,
): Promise<Bodies> {
  if (Number(raw.header('content-length') ?? 0) > maxBody)
    throw restErrors.payload_too_large({ limit: maxBody })
  const bytes = await raw.readBody()
  if (bytes.length > maxBody) throw restErrors.payload_too_large({ limit: maxBody })
  const type = raw.header('content-type')
  if (isCall) return { rows: undefined, call: readCallBody(type, bytes, slots) }
  return { rows: readRows(type, bytes, columns !== undefined), call: undefined }
}

const methods = new Set<string>(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE'])

function methodOf({ method, kind }: RawRequest): Method {
  if (!methods.has(method)) throw restErrors.PGRST117({ method })
  if (kind === 'function' && !['GET', 'HEAD', 'POST'].includes(method)) throw restErrors.PGRST101({ method })
  return method as Method
}

/** `Accept-Profile` for reading, `Content-Profile` for writing, else the first schema. */
function schemaOf(raw: RawRequest, reads: boolean, schemas: readonly string[]): string {
  const asked = raw.header(reads ? 'accept-profile' : 'content-profile')
  if (asked === null || asked === '') return schemas[0]!
  if (schemas.includes(asked)) return asked
  throw restErrors.PGRST106({ schema: asked, exposed: schemas.join(', ') })
}
