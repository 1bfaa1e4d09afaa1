import { authErrors } from '../errors.ts'

/** A valid e-mail address as browsers check it: HTML Living Standard, `input type=email`. */
const pattern =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** Width of the column `auth.users.email`. */
const longest = 255

/** The address in lower case, as accounts are stored and looked up; undefined when it is not one. */
export function normaliseEmail(given: string): string | undefined {
  const email = given.trim().toLowerCase()
  return email.length <= longest && pattern.test(email) ? email : undefined
}

/** As {@link normaliseEmail}; fails with `validation_failed` when it is not an address. */
export function requireEmail(given: string): string {
  const email = normaliseEmail(given)
  if (email) return email
  throw authErrors.validation_failed({ problem: 'Unable to validate email address: invalid format' })
}
