import { LRUCache } from 'lru-cache'
import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'

/** What the `Prefer` header asks for (RFC 7240, with PostgREST's preferences). */
export interface Preferences {
  readonly return?: 'minimal' | 'headers-only' | 'representation'
  readonly resolution?: 'merge-duplicates' | 'ignore-duplicates'
  readonly missing?: 'default' | 'null'
  readonly count?: 'exact' | 'planned' | 'estimated'
  readonly tx?: 'commit' | 'rollback'
  readonly handling?: 'strict' | 'lenient'
  readonly timezone?: string
  readonly 'max-affected'?: number
}

const choices: ReadonlyMap<string, readonly string[]> = new Map([
  ['return', ['minimal', 'headers-only', 'representation']],
  ['resolution', ['merge-duplicates', 'ignore-duplicates']],
  ['missing', ['default', 'null']],
  ['count', ['exact', 'planned', 'estimated']],
  ['tx', ['commit', 'rollback']],
  ['handling', ['strict', 'lenient']],
])

const none: Preferences = {}

/**
 * Reads a `Prefer` header; the first mention of a preference counts. Unknown ones fail only with handling=strict. What
 * stands behind the first {@link bounds.preferences} preferences is not read.
 */
export function readPreferences(header: string | null): Preferences {
  if (!header) return none
  const found: Record<string, string | number> = {}
  const mentioned = new Set<string>()
  const invalid: string[] = []
  for (const part of header.split(',', bounds.preferences)) {
    const text = part.trim()
    const split = text.indexOf('=')
    const name = split < 0 ? text : text.slice(0, split).trim()
    if (name === '' || mentioned.has(name)) continue
    mentioned.add(name)
    const value = readValue(name, split < 0 ? '' : text.slice(split + 1).trim())
    if (value === undefined) invalid.push(text)
    else found[name] = value
  }
  if (found.handling === 'strict' && invalid.length > 0) {
    throw restErrors.PGRST122({ details: `Invalid preferences: ${invalid.join(', ')}` })
  }
  return found as Preferences
}

/** The value of a preference that is known and takes it, or undefined. */
function readValue(name: string, value: string): string | number | undefined {
  if (name === 'timezone') return isTimeZone(value) ? value : undefined
  if (name === 'max-affected') return /^\d{1,15}$/.test(value) ? Number(value) : undefined
  return choices.get(name)?.includes(value) ? value : undefined
}

const timeZones = new LRUCache<string, boolean>({ max: 1_000 })

/** Remembered, because asking `Intl` takes 0.1 ms. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][\w+/-]{0,63}$/.test(name)) return false
  const known = timeZones.get(name) ?? hasTimeZone(name)
  timeZones.set(name, known)
  return known
}

function hasTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** The `Preference-Applied` header for those of `names` that were asked for, or undefined. */
export function appliedPreferences(
  preferences: Preferences,
  names: readonly (keyof Preferences)[],
): string | undefined {
  const applied = names.flatMap((name) =>
    preferences[name] === undefined ? [] : [`${name}=${preferences[name]}`],
  )
  return applied.length > 0 ? applied.join(', ') : undefined
}
