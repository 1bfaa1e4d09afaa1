import { parseTypeName } from '../request/type-name.ts'
import type { TypeRow } from './rows.ts'

/** Names of the SQL standard and common short ones, for types that PostgreSQL stores under another name. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['int', 'integer'],
  ['decimal', 'numeric'],
  ['float', 'double precision'],
  ['char', 'character'],
  ['varchar', 'character varying'],
  ['bool', 'boolean'],
  ['timestamp', 'timestamp without time zone'],
  ['time', 'time without time zone'],
  ['serial', 'integer'],
  ['bigserial', 'bigint'],
])

const takesLength = new Set([
  'numeric',
  'character',
  'character varying',
  'bit',
  'bit varying',
  'timestamp without time zone',
  'timestamp with time zone',
  'time without time zone',
  'time with time zone',
  'interval',
])

/** Looks up what a request calls a type; only text that the catalogue holds, and digits, come back. */
export function castTypeFinder(types: readonly TypeRow[]): (asked: string) => string | undefined {
  const canonical = new Map<string, string>()
  for (const { name, type } of types) {
    canonical.set(name, type)
    if (!type.includes('.')) canonical.set(type, type)
  }
  const find = (name: string) => {
    const lower = name.toLowerCase()
    return canonical.get(name) ?? canonical.get(aliases.get(lower) ?? lower)
  }
  return (asked) => {
    const parsed = parseTypeName(asked)
    const type = parsed && find(parsed.name)
    if (!parsed || type === undefined) return undefined
    const { length, scale, isArray } = parsed
    if (length !== undefined && !takesLength.has(type)) return undefined
    return `${length === undefined ? type : withLength(type, length, scale)}${isArray ? '[]' : ''}`
  }
}

/** PostgreSQL writes the length behind the first word of `timestamp with time zone`. */
function withLength(type: string, length: string, scale: string | undefined): string {
  const modifiers = scale === undefined ? `(${length})` : `(${length},${scale})`
  const zone = type.search(/ with(out)? time zone$/)
  return zone < 0 ? `${type}${modifiers}` : `${type.slice(0, zone)}${modifiers}${type.slice(zone)}`
}
