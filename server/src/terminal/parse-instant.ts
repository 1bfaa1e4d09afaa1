import { serverErrors } from '../errors.ts'

/** An instant that a person wrote, with its offset from UTC. Fails with `invalid_point`. */
export function parseInstant(text: string): Date {
  const instant = new Date(text)
  const hasOffset = /(Z|[+-]\d\d:?\d\d)$/i.test(text)
  if (Number.isNaN(instant.getTime()) || !hasOffset) throw serverErrors.invalid_point({ text })
  return instant
}
