import { routeErrors } from '../errors.ts'

/**
 * The fields of a query string or a form: a text, or a list of texts where a name is repeated. They are counted before
 * they are parsed, because parsing takes time by their number. Fails with `too_many_values`.
 */
export function readFields(text: string, limit: number): Readonly<Record<string, string | string[]>> {
  const fields: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of parseFields(text, limit)) {
    const earlier = fields[name]
    if (earlier === undefined) fields[name] = value
    else if (Array.isArray(earlier)) earlier.push(value)
    else fields[name] = [earlier, value]
  }
  return fields
}

export function parseFields(text: string, limit: number): URLSearchParams {
  let fields = 1
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) {
    fields += 1
    if (fields > limit) throw routeErrors.too_many_values({ limit, things: 'fields' })
  }
  return new URLSearchParams(text)
}
