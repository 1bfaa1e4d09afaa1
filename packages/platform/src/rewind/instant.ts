const pattern =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?:(Z)|([+-]\d\d)(?::?(\d\d))?)$/i

/**
 * An instant with its offset from UTC (ISO 8601, to the microsecond as the journal prints it), in UTC and with six digits:
 * two of them compare as text. Undefined for anything else, days that no month has included.
 */
export function normaliseInstant(text: string): string | undefined {
  const found = pattern.exec(text.trim())
  if (!found) return undefined
  const [, day, minute, second = '00', fraction = '', , hours, minutes = '00'] = found
  const local = `${day}T${minute}:${second}`
  const written = new Date(`${local}Z`)
  if (Number.isNaN(written.getTime()) || !written.toISOString().startsWith(local)) return undefined
  const instant = new Date(`${local}${hours ? `${hours}:${minutes}` : 'Z'}`)
  if (Number.isNaN(instant.getTime())) return undefined
  return `${instant.toISOString().slice(0, 19)}.${fraction.padEnd(6, '0')}Z`
}
