/** TypeScript's types by PostgreSQL's, under both of its names: `int4` and `integer`. */
const typeNames: Readonly<Record<string, readonly string[]>> = {
  number: [
    ...['int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'money', 'oid'],
    ...['smallint', 'integer', 'bigint', 'real', 'double precision'],
  ],
  boolean: ['bool', 'boolean'],
  string: [
    ...[
      'text',
      'varchar',
      'bpchar',
      'character varying',
      'character',
      'char',
      'name',
      'citext',
      'uuid',
      'bytea',
    ],
    ...['date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'inet', 'cidr', 'macaddr'],
    ...['time without time zone', 'time with time zone'],
    ...['timestamp without time zone', 'timestamp with time zone'],
  ],
  Json: ['json', 'jsonb'],
  undefined: ['void'],
  'Record<string, unknown>': ['record'],
}

const byName = new Map(
  Object.entries(typeNames).flatMap(([type, names]) => names.map((name) => [name, type])),
)

/** The type of a value as JSON carries it; `unknown` for what no client could rely on. */
export function typeScriptOf(name: string, enums: ReadonlySet<string>): string {
  const bare = name.replace(/\([^()]*\)/, '').replaceAll('"', '')
  if (bare.endsWith('[]')) return `${typeScriptOf(bare.slice(0, -2), enums)}[]`
  const own = bare.replace(/^public\./, '')
  if (enums.has(own)) return `Database['public']['Enums']['${own}']`
  const known = byName.get(bare.replace(/^pg_catalog\.|^extensions\./, ''))
  if (known) return known
  return bare.startsWith('_') ? `${typeScriptOf(bare.slice(1), enums)}[]` : 'unknown'
}
