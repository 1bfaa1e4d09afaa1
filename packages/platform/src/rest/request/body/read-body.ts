import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { restErrors } from '../../errors.ts'
import { bounds } from '../bounds.ts'
import type { Slots } from '../filter.ts'
import { bodyType } from '../media.ts'
import { CsvProblem, CsvToJson, JsonTooLarge } from './csv-to-json.ts'
import { type JsonOutline, JsonOutliner, JsonProblem } from './json-outline.ts'

/** Rows to write. The JSON goes to PostgreSQL as it came; the keys are what the shape of the statement depends on. */
export interface RowsBody {
  readonly json: Buffer
  readonly isArray: boolean
  /** Keys of the rows, which all have the same ones unless `mixedKeys` were allowed. */
  readonly keys: readonly string[]
}

/** What a function is called with. */
export type CallBody =
  | {
      readonly kind: 'json'
      readonly json: Buffer
      readonly keys: readonly string[]
      readonly isObject: boolean
    }
  | { readonly kind: 'texts'; readonly texts: readonly { readonly name: string; readonly slot: number }[] }
  | { readonly kind: 'raw'; readonly value: Buffer; readonly type: RawBodyType }

export type RawBodyType = 'text/plain' | 'text/xml' | 'application/octet-stream'

/** Bytes that are read before other requests have their turn: about 1 ms. */
const pieceLength = 65_536

/** Reads a body of rows: JSON, CSV with a header line, or a form. PGRST102 when it is none. */
export async function readRows(
  contentType: string | null,
  bytes: Buffer,
  mixedKeys: boolean,
): Promise<RowsBody> {
  switch (bodyType(contentType)) {
    case 'application/json':
    case 'application/vnd.pgrst.object+json':
    case 'application/vnd.pgrst.array+json':
      return rowsOfJson(textOf(bytes), mixedKeys)
    case 'text/csv':
      return rowsOfCsv(textOf(bytes))
    case 'application/x-www-form-urlencoded':
      return rowsOfJson(Buffer.from(JSON.stringify(Object.fromEntries(readForm(bytes)))), mixedKeys)
    default:
      throw unknownType(contentType)
  }
}

/** Reads the body of a function call. An empty one calls it without arguments; a form's values go to slots. */
export async function readCallBody(
  contentType: string | null,
  bytes: Buffer,
  slots: Slots,
): Promise<CallBody> {
  const type = bodyType(contentType)
  switch (type) {
    case 'application/json':
    case 'application/vnd.pgrst.object+json':
    case 'application/vnd.pgrst.array+json': {
      const json = bytes.length === 0 ? emptyObject : textOf(bytes)
      const { kind, keys } = await outline(json)
      const isObject = kind === 'object'
      return { kind: 'json', json, isObject, keys: isObject ? keys : [] }
    }
    case 'application/x-www-form-urlencoded': {
      const texts = [...readForm(bytes)].map(([name, value]) => ({ name, slot: slots.add(value) }))
      return { kind: 'texts', texts }
    }
    case 'text/plain':
    case 'text/xml':
      return { kind: 'raw', type, value: textOf(bytes) }
    case 'application/octet-stream':
      return { kind: 'raw', type, value: bytes }
    default:
      throw unknownType(contentType)
  }
}

const emptyObject = Buffer.from('{}')

/** Bytes that are no text would be stored as question marks. */
function textOf(bytes: Buffer): Buffer {
  if (!isUtf8(bytes)) throw invalid('The body is not UTF-8')
  return bytes
}

async function rowsOfJson(json: Buffer, mixedKeys: boolean): Promise<RowsBody> {
  const { kind, keys, onlyObjects, sameKeys } = await outline(json)
  if (kind === 'scalar') throw invalid('The body must be a JSON object or an array of objects')
  if (!onlyObjects || !(sameKeys || mixedKeys)) throw invalid('All object keys must match')
  return { json, isArray: kind === 'array', keys }
}

async function rowsOfCsv(csv: Buffer): Promise<RowsBody> {
  const limit = bounds.csvJson
  try {
    return { isArray: true, ...(await inPieces(new CsvToJson(csv, limit))) }
  } catch (error) {
    if (error instanceof JsonTooLarge) throw restErrors.payload_too_large({ limit }, error)
    throw error instanceof CsvProblem ? invalid(error.message, error) : error
  }
}

async function outline(json: Buffer): Promise<JsonOutline> {
  try {
    return await inPieces(new JsonOutliner(json))
  } catch (error) {
    throw error instanceof JsonProblem ? invalid(error.message, error) : error
  }
}

/** Reads to the end; other requests have their turn between two pieces. */
async function inPieces<T>(reader: { advance(length: number): T | undefined }): Promise<T> {
  for (;;) {
    const found = reader.advance(pieceLength)
    if (found !== undefined) return found
    await setImmediate()
  }
}

function readForm(bytes: Buffer): URLSearchParams {
  if (bytes.length > bounds.formLength) throw restErrors.payload_too_large({ limit: bounds.formLength })
  const text = textOf(bytes).toString()
  if (text.split('&', bounds.bodyKeys + 1).length > bounds.bodyKeys) {
    throw invalid(`A form has more than ${bounds.bodyKeys} fields`)
  }
  return new URLSearchParams(text)
}

const invalid = (problem: string, cause?: unknown): Error => restErrors.PGRST102({ problem }, cause)

const unknownType = (contentType: string | null): Error =>
  restErrors.PGRST102({ problem: `Content-Type not acceptable: ${contentType}` })
