import { isUtf8 } from 'node:buffer'
import { parse as parseCsv } from 'csv-parse/sync'
import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'
import type { Slots } from './filter.ts'
import { bodyType } from './media.ts'

/** Rows to write. `json` goes to PostgreSQL as it came; the keys are what the shape of the statement depends on. */
export interface RowsBody {
  readonly json: string
  readonly isArray: boolean
  readonly rows: number
  /** Keys of the rows, which all have the same ones unless `mixedKeys` were allowed. */
  readonly keys: readonly string[]
}

/** What a function is called with. */
export type CallBody =
  | {
      readonly kind: 'json'
      readonly json: string
      readonly keys: readonly string[]
      readonly isObject: boolean
    }
  | { readonly kind: 'texts'; readonly texts: readonly { readonly name: string; readonly slot: number }[] }
  | {
      readonly kind: 'raw'
      readonly value: string | Buffer
      readonly type: 'text/plain' | 'application/octet-stream'
    }

/** Reads a body of rows: JSON, CSV with a header line, or a form. PGRST102 when it is none. */
export function readRows(contentType: string | null, bytes: Buffer, mixedKeys: boolean): RowsBody {
  switch (bodyType(contentType)) {
    case 'application/json':
    case 'application/vnd.pgrst.object+json':
    case 'application/vnd.pgrst.array+json':
      return rowsOfJson(textOf(bytes), mixedKeys)
    case 'text/csv':
      return rowsOfCsv(textOf(bytes))
    case 'application/x-www-form-urlencoded':
      return rowsOfJson(JSON.stringify(Object.fromEntries(new URLSearchParams(textOf(bytes)))), mixedKeys)
    default:
      throw unknownType(contentType)
  }
}

/** Reads the body of a function call. An empty one calls it without arguments; a form's values go to slots. */
export function readCallBody(contentType: string | null, bytes: Buffer, slots: Slots): CallBody {
  const type = bodyType(contentType)
  switch (type) {
    case 'application/json':
    case 'application/vnd.pgrst.object+json':
    case 'application/vnd.pgrst.array+json': {
      const json = bytes.length === 0 ? '{}' : textOf(bytes)
      const value = parseJson(json)
      const isObject = isRow(value)
      return { kind: 'json', json, isObject, keys: isObject ? checkedKeys(value) : [] }
    }
    case 'application/x-www-form-urlencoded':
      return {
        kind: 'texts',
        texts: [...new URLSearchParams(textOf(bytes))].map(([name, value]) => ({
          name,
          slot: slots.add(value),
        })),
      }
    case 'text/plain':
      return { kind: 'raw', type, value: textOf(bytes) }
    case 'application/octet-stream':
      return { kind: 'raw', type, value: bytes }
    default:
      throw unknownType(contentType)
  }
}

/** Bytes that are no text would be stored as question marks. */
function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw invalid('The body is not UTF-8')
  return bytes.toString()
}

function rowsOfJson(json: string, mixedKeys: boolean): RowsBody {
  const value = parseJson(json)
  if (isRow(value)) return { json, isArray: false, rows: 1, keys: checkedKeys(value) }
  if (!Array.isArray(value)) throw invalid('The body must be a JSON object or an array of objects')
  const first: unknown = value[0]
  const keys = isRow(first) ? checkedKeys(first) : []
  for (const row of value) {
    if (!isRow(row)) throw invalid('All object keys must match')
    if (!mixedKeys && row !== first && !hasKeys(row, keys)) throw invalid('All object keys must match')
  }
  return { json, isArray: true, rows: value.length, keys }
}

function rowsOfCsv(text: string): RowsBody {
  let rows: Record<string, string | null>[]
  try {
    rows = parseCsv(text, {
      columns: true,
      bom: true,
      skip_empty_lines: true,
      cast: (value, context) => (value === 'NULL' && !context.quoting && !context.header ? null : value),
    })
  } catch (error) {
    throw invalid('All lines must have same number of fields', error)
  }
  return {
    json: JSON.stringify(rows),
    isArray: true,
    rows: rows.length,
    keys: rows[0] ? checkedKeys(rows[0]) : [],
  }
}

function parseJson(json: string): unknown {
  if (nestsDeeperThan(json, bounds.bodyDepth)) throw invalid('The body nests too deeply')
  try {
    return JSON.parse(json)
  } catch (error) {
    throw invalid('Empty or invalid json', error)
  }
}

/** Measured before parsing, because PostgreSQL meets the same text with a stack of its own. */
function nestsDeeperThan(json: string, limit: number): boolean {
  if (json.length <= limit) return false
  let depth = 0
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index)
    if (code === 0x5b || code === 0x7b) {
      depth += 1
      if (depth > limit) return true
    } else if (code === 0x5d || code === 0x7d) depth -= 1
    else if (code === 0x22) index = endOfString(json, index)
  }
  return false
}

function endOfString(json: string, start: number): number {
  for (let index = start + 1; index < json.length; index += 1) {
    const code = json.charCodeAt(index)
    if (code === 0x5c) index += 1
    else if (code === 0x22) return index
  }
  return json.length
}

const isRow = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function checkedKeys(row: Record<string, unknown>): string[] {
  const keys = Object.keys(row)
  if (keys.length > bounds.bodyKeys) throw invalid(`A row has more than ${bounds.bodyKeys} keys`)
  return keys
}

function hasKeys(row: Record<string, unknown>, keys: readonly string[]): boolean {
  return Object.keys(row).length === keys.length && keys.every((key) => Object.hasOwn(row, key))
}

const invalid = (problem: string, cause?: unknown): Error => restErrors.PGRST102({ problem }, cause)

const unknownType = (contentType: string | null): Error =>
  restErrors.PGRST102({ problem: `Content-Type not acceptable: ${contentType}` })
