import { restErrors } from '../errors.ts'

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

const choices: Record<string, readonly string[]> = {
  return: ['minimal', 'headers-only', 'representation'],
  resolution: ['merge-duplicates', 'ignore-duplicates'],
  missing: ['default', 'null'],
  count: ['exact', 'planned', 'estimated'],
  tx: ['commit', 'rollback'],
  handling: ['strict', 'lenient'],
}

const none: Preferences = {}

/** Reads a `Prefer` header; the first mention of a preference counts. Unknown ones fail only with handling=strict. */
export function readPreferences(header: string | null): Preferences {
  if (!header) return none
  const found: Record<string, string | number> = {}
  const invalid: string[] = []
  for (const part of header.split(',')) {
    const text = part.trim()
    if (text === '') continue
    const split = text.indexOf('=')
    const name = split < 0 ? text : text.slice(0, split).trim()
    const value = split < 0 ? '' : text.slice(split + 1).trim()
    const understood = understand(name, value)
    if (understood === undefined) invalid.push(text)
    else found[name] ??= understood
  }
  if (found.handling === 'strict' && invalid.length > 0) {
    throw restErrors.PGRST122({ details: `Invalid preferences: ${invalid.join(', ')}` })
  }
  return found as Preferences
}

function understand(name: string, value: string): string | number | undefined {
  if (name === 'timezone') return isTimeZone(value) ? value : undefined
  if (name === 'max-affected') return /^\d{1,15}$/.test(value) ? Number(value) : undefined
  return Object.hasOwn(choices, name) && choices[name]!.includes(value) ? value : undefined
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return /^[A-Za-z]/.test(name)
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
