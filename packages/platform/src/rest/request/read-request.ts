import { restErrors } from '../errors.ts'
import { readCallBody, readRows } from './body/read-body.ts'
import { chooseFormat } from './media.ts'
import { readPreferences } from './preferences.ts'
import { readQuery } from './query.ts'
import { readWindow } from './range.ts'
import type { Method, RequestHead, RestRequest } from './rest-request.ts'

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
  /** Whether execution plans may be asked for. Default false. */
  readonly plans?: boolean
}

/** Reads a request as far as the catalogue is not needed for it; `admit` may refuse it before its body is read. */
export async function readRequest(
  raw: RawRequest,
  settings: RequestSettings,
  admit?: (head: RequestHead) => Promise<void>,
): Promise<RestRequest> {
  const head = readHead(raw, settings)
  if (!hasBody(head)) return { ...head, rows: undefined, call: undefined }
  await admit?.(head)
  return { ...head, ...(await readBodies(raw, head, settings.maxBody)) }
}

/** Reads everything of a request that stands before its body, without the catalogue. */
function readHead(raw: RawRequest, settings: RequestSettings): RequestHead {
  const method = methodOf(raw)
  const reads = method === 'GET' || method === 'HEAD'
  const isCall = raw.kind === 'function'
  const query = readQuery(raw.search, isCall && reads)
  const preferences = readPreferences(raw.header('prefer'))
  const format = chooseFormat(raw.header('accept'), { isCall, plans: settings.plans })
  const schema = readSchema(raw, settings.schemas)
  const range = method === 'GET' ? raw.header('range') : null
  const limitedBySetting = reads || isCall ? settings.maxRows : undefined
  const window = readWindow(query.limit, query.offset, range, limitedBySetting)
  return { method, isCall, schema, name: raw.name, query, preferences, format, window }
}

const hasBody = ({ method }: RequestHead): boolean =>
  method === 'POST' || method === 'PATCH' || method === 'PUT'

async function readBodies(
  raw: RawRequest,
  { isCall, query }: RequestHead,
  maxBody: number,
): Promise<Pick<RestRequest, 'rows' | 'call'>> {
  const bytes = await raw.readBody()
  if (bytes.length > maxBody) throw restErrors.payload_too_large({ limit: maxBody })
  const type = raw.header('content-type')
  if (isCall) return { rows: undefined, call: await readCallBody(type, bytes, query.slots) }
  return { rows: await readRows(type, bytes, query.columns !== undefined), call: undefined }
}

const methods = new Set<string>(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE'])

function methodOf({ method, kind }: RawRequest): Method {
  if (!methods.has(method)) throw restErrors.PGRST117({ method })
  if (kind === 'function' && !['GET', 'HEAD', 'POST'].includes(method)) throw restErrors.PGRST101({ method })
  return method as Method
}

/** `Accept-Profile` for reading, `Content-Profile` for writing, else the first schema. */
export function readSchema(raw: RawRequest, schemas: readonly string[]): string {
  const reads = raw.method === 'GET' || raw.method === 'HEAD'
  const asked = raw.header(reads ? 'accept-profile' : 'content-profile')
  if (asked === null || asked === '') return schemas[0]!
  if (schemas.includes(asked)) return asked
  throw restErrors.PGRST106({ schema: asked, exposed: schemas.join(', ') })
}
