import { authErrors } from '../errors.ts'

/** E.164 without the plus, as accounts are stored and looked up; undefined when it is not a number. */
export function normalisePhone(given: string): string | undefined {
  const phone = given
    .slice(0, 40)
    .replace(/[\s()-]/g, '')
    .replace(/^\+/, '')
  return given.length <= 40 && /^[1-9][0-9]{1,14}$/.test(phone) ? phone : undefined
}

/** As {@link normalisePhone}; fails with `validation_failed` when it is not a number. */
export function requirePhone(given: string): string {
  const phone = normalisePhone(given)
  if (phone) return phone
  throw authErrors.validation_failed({ problem: 'Invalid phone number format (E.164 required)' })
}
