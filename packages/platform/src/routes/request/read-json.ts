import { routeErrors } from '../errors.ts'

/** Deeper than anybody means it, and shallow enough for whatever walks through it by recursion. */
const mostDepth = 100

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * A JSON body. Its depth and the number of its values are counted in the bytes first: both cost the parser and the schema
 * far more time than the same number of bytes in one text. An empty body is `{}`. Fails with `invalid_json` or
 * `too_many_values`.
 */
export function readJson(bytes: Uint8Array, valueLimit: number): unknown {
  if (bytes.byteLength === 0) return {}
  measure(bytes, valueLimit)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw routeErrors.invalid_json({ depth: mostDepth }, cause)
  }
}

function measure(bytes: Uint8Array, valueLimit: number): void {
  let depth = 0
  let values = 1
  let isText = false
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!
    if (isText) {
      if (byte === backslash) at += 1
      else if (byte === quote) isText = false
    } else if (byte === quote) isText = true
    else if (byte === openList || byte === openObject) {
      depth += 1
      if (depth > mostDepth) throw routeErrors.invalid_json({ depth: mostDepth })
    } else if (byte === closeList || byte === closeObject) depth -= 1
    else if (byte === comma) {
      values += 1
      if (values > valueLimit) throw routeErrors.too_many_values({ limit: valueLimit, things: 'values' })
    }
  }
}
