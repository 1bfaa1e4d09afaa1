import type { RowImage } from '../../tail/index.ts'
import type { ColumnDescription } from './describe-table.ts'

const oid = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  jsonb: 3802,
}

const number = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/

/**
 * A value as JSON text, in the form that rest gives it: numbers keep every digit, JSON is embedded, arrays are arrays,
 * timestamps are ISO 8601.
 */
export function valueJson(column: Pick<ColumnDescription, 'base' | 'element'>, text: string | null): string {
  if (text === null) return 'null'
  // Bounds that do not begin at 1 are written before the array.
  if (column.element !== 0 && /^[{[]/.test(text))
    return arrayJson(column.element, text.replace(/^\[[^{]*=/, ''))
  return scalarJson(column.base, text)
}

function scalarJson(type: number, text: string): string {
  switch (type) {
    case oid.bool:
      return text === 't' ? 'true' : 'false'
    case oid.int2:
    case oid.int4:
    case oid.int8:
    case oid.oid:
    case oid.float4:
    case oid.float8:
    case oid.numeric:
      return number.test(text) ? text : JSON.stringify(text)
    case oid.json:
    case oid.jsonb:
      return text
    case oid.timestamp:
      return JSON.stringify(text.replace(' ', 'T'))
    case oid.timestamptz:
      return JSON.stringify(text.replace(' ', 'T').replace(/([+-]\d\d)( BC)?$/, '$1:00$2'))
    default:
      return JSON.stringify(text)
  }
}

/** PostgreSQL's array text, `{1,NULL,"a,b",{2}}`, as JSON. */
function arrayJson(element: number, text: string): string {
  let at = 0
  const readArray = (): string => {
    const items: string[] = []
    at += 1
    while (text[at] !== '}') {
      items.push(text[at] === '{' ? readArray() : readItem())
      if (text[at] === ',') at += 1
      if (at > text.length) return 'null'
    }
    at += 1
    return `[${items.join(',')}]`
  }
  const readItem = (): string => {
    if (text[at] === '"') {
      const start = at + 1
      at = start
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
      at += 1
      return scalarJson(element, text.slice(start, at - 1).replace(/\\(.)/gs, '$1'))
    }
    const start = at
    while (text[at] !== ',' && text[at] !== '}' && at < text.length) at += 1
    const item = text.slice(start, at)
    return item === 'NULL' ? 'null' : scalarJson(element, item)
  }
  return readArray()
}

/** The given columns of an image as a JSON object; columns that the image does not have are left out. */
export function rowJson(columns: readonly ColumnDescription[], image: RowImage): string {
  const parts: string[] = []
  for (const column of columns) {
    const text = image[column.name]
    if (text !== undefined) parts.push(`${JSON.stringify(column.name)}:${valueJson(column, text)}`)
  }
  return `{${parts.join(',')}}`
}

/** A row as PostgreSQL's composite text, for the columns in the table's order; absent ones are null. */
export function compositeText(
  columns: readonly ColumnDescription[],
  image: RowImage,
  wanted: (column: ColumnDescription) => boolean,
): string {
  const parts = columns.map((column) => {
    const text = wanted(column) ? image[column.name] : null
    return text === null || text === undefined ? '' : `"${text.replace(/["\\]/g, '\\$&')}"`
  })
  return `(${parts.join(',')})`
}
