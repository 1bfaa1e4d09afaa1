/** Most characters of one text in a log line; a stack is worth more than a message. */
const longestText = 1_000
const longestStack = 2_000
const mostFields = 40
const mostEntries = 20
/** Levels of objects in objects, and of errors that caused errors. */
const deepest = 4

type Fields = Record<string, unknown>

/**
 * A copy of a log line's fields that cannot grow without bound, whatever a client or a database put into an error:
 * long texts are cut and say how long they were, errors become plain objects, deep and wide values end.
 */
export function boundLogFields(fields: Readonly<Fields>): Fields {
  return boundObject(fields, 0)
}

function bound(value: unknown, depth: number, longest = longestText): unknown {
  if (typeof value === 'string') return cut(value, longest)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '…'
  if (value instanceof Error) return boundError(value, depth)
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (Array.isArray(value)) return boundArray(value, depth)
  return boundObject(value as Fields, depth)
}

function boundObject(fields: Readonly<Fields>, depth: number): Fields {
  const all = Object.keys(fields)
  const kept = all
    .slice(0, mostFields)
    .map((name) => [cut(name, 100), bound(fields[name], depth + 1)] as const)
  return Object.fromEntries(all.length > mostFields ? [...kept, ['…', all.length - mostFields]] : kept)
}

function boundArray(entries: readonly unknown[], depth: number): unknown[] {
  const kept = entries.slice(0, mostEntries).map((entry) => bound(entry, depth + 1))
  return entries.length > mostEntries ? [...kept, `… ${entries.length - mostEntries} more`] : kept
}

/** Message and stack are no own enumerable fields of an error; what drivers add (code, detail, where) is. */
function boundError(error: Error, depth: number): Fields {
  return {
    type: error.name,
    message: cut(error.message, longestText),
    stack: cut(error.stack ?? '', longestStack),
    ...boundObject({ ...error }, depth),
    ...(error.cause === undefined ? {} : { cause: bound(error.cause, depth + 1) }),
  }
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length} characters)`
}
