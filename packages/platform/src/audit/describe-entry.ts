import type { ShownEntry } from '../journal/index.ts'

/** Names by user id. */
export type Names = ReadonlyMap<string, string>

const verbs: Readonly<Record<ShownEntry['operation'], string>> = {
  insert: 'added',
  update: 'changed',
  delete: 'removed',
}

/** Longest value in a sentence; longer ones are cut. Characters. */
const longestValue = 80
const mostColumns = 8

/** Who did it: a person by name, a job or function, the service with its reason, or somebody past the platform. */
export function whoDid({ actor }: Pick<ShownEntry, 'actor'>, names: Names): string {
  if (!actor) return 'somebody past Plinth'
  const { user, role, via, reason } = actor
  const person = user === null ? undefined : (names.get(user) ?? user)
  const because = reason === null ? '' : ` for “${reason}”`
  if (person !== undefined) return `${person}${via ? ` by ${via}` : ''}${because}`
  if (role === 'anon') return `somebody not signed in${via ? ` by ${via}` : ''}`
  return `${via ?? (role === 'service_role' ? 'the service' : role)}${because}`
}

/** `ada@example.com changed items 42: price 10 → 12`. */
export function describeEntry(entry: ShownEntry, names: Names): string {
  const { operation, table, key, changes } = entry
  const thing = `${table.replace(/^public\./, '')} ${key.join(', ')}`
  const head = `${whoDid(entry, names)} ${verbs[operation]} ${thing}`
  const shown = changes.slice(0, mostColumns).map(({ column, from, to }) => {
    if (operation === 'update') return `${column} ${text(from)} → ${text(to)}`
    return `${column} ${text(operation === 'insert' ? to : from)}`
  })
  const more = changes.length > mostColumns ? [`and ${changes.length - mostColumns} more`] : []
  const all = [...shown, ...more]
  return all.length === 0 ? head : `${head}: ${all.join('; ')}`
}

/** One line, whatever is in it. */
function text(value: string | null): string {
  if (value === null) return 'nothing'
  const line = value.replaceAll(/\s+/g, ' ').trim()
  if (line === '') return '“”'
  return line.length <= longestValue ? line : `${line.slice(0, longestValue)}…`
}
