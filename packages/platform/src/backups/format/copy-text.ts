/** The text format of COPY: a line per row, fields between tabs, NULL as `\N`. Bytes are UTF-8 throughout. */

const newline = 0x0a

/** Cuts a stream into pieces that end where a row ends. */
export async function* wholeLines(source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let rest: Buffer[] = []
  for await (const piece of source) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const end = chunk.lastIndexOf(newline) + 1
    if (end === 0) {
      rest.push(chunk)
      continue
    }
    const whole = chunk.subarray(0, end)
    yield rest.length === 0 ? whole : Buffer.concat([...rest, whole])
    rest = end === chunk.length ? [] : [chunk.subarray(end)]
  }
  if (rest.length > 0) throw new Error('the rows end in the middle of one')
}

/** The rows of a piece, without their newlines. */
export function* linesOf(piece: Buffer): Iterable<Buffer> {
  let begin = 0
  for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, begin)) {
    yield piece.subarray(begin, end)
    begin = end + 1
  }
}

/** Fields of a row as they stand in it, escaped. */
export const fieldsOf = (line: string): string[] => line.split('\t')

const special = /[\\\b\f\n\r\t\v]/g
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}
const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** As PostgreSQL writes the value, byte for byte. */
export const encodeField = (value: string | null): string =>
  value === null ? '\\N' : value.replace(special, (character) => escapes[character]!)

/** The value of a field; what a backslash stands before is PostgreSQL's own, since only it writes these rows. */
export function decodeField(field: string): string | null {
  if (field === '\\N') return null
  if (!field.includes('\\')) return field
  return field.replace(/\\(.)/g, (_, character: string) => letters[character] ?? character)
}
