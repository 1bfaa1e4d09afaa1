import type { TypeRow } from './rows.ts'

/** Names of the SQL standard and common short ones, for types that PostgreSQL stores under another name. */
const aliases: Readonly<Record<string, string>> = {
  int: 'integer',
  decimal: 'numeric',
  float: 'double precision',
  char: 'character',
  varchar: 'character varying',
  bool: 'boolean',
  timestamp: 'timestamp without time zone',
  time: 'time without time zone',
  serial: 'integer',
  bigserial: 'bigint',
}

const takesLength = new Set([
  'numeric',
  'character',
  'character varying',
  'bit',
  'bit varying',
  'timestamp without time zone',
  'timestamp with time zone',
])

const written = /^([\p{L}_][\p{L}\p{N}_ ]*?)\s*(?:\((\d{1,4})(?:,(\d{1,4}))?\))?(\s[\p{L} ]+?)?(\[\])?$/u

/** Looks up what a request calls a type; only text that the catalogue holds, and digits, come back. */
export function castTypeFinder(types: readonly TypeRow[]): (name: string) => string | undefined {
  const canonical = new Map<string, string>()
  for (const { name, type } of types) {
    canonical.set(name, type)
    if (!type.includes('.')) canonical.set(type, type)
  }
  return (asked) => {
    const found = written.exec(asked.trim())
    if (!found) return undefined
    const [, base = '', length, scale, suffix = '', array = ''] = found
    const name = `${base}${suffix}`
    const type = canonical.get(name) ?? find(canonical, name.toLowerCase())
    if (type === undefined) return undefined
    if (length === undefined) return `${type}${array}`
    if (!takesLength.has(type)) return undefined
    const [head = '', ...zone] = type.split(' with')
    const rest = zone.length > 0 ? ` with${zone.join(' with')}` : ''
    return `${head}(${length}${scale === undefined ? '' : `,${scale}`})${rest}${array}`
  }
}

function find(canonical: ReadonlyMap<string, string>, name: string): string | undefined {
  return canonical.get(aliases[name] ?? name)
}
