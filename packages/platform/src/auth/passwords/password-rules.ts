import { authErrors } from '../errors.ts'
import type { AuthSettings } from '../settings.ts'

/**
 * Longest password in bytes of UTF-8. GoTrue stops at 72 because bcrypt ignores what follows; argon2id reads all of
 * it, so a passphrase may be longer.
 */
export const longestPassword = 256

export type PasswordRules = Pick<AuthSettings, 'passwordMinLength' | 'passwordRequiredCharacters'>

/**
 * Fails with `validation_failed` (missing or too long) or `weak_password` (too short, or without one of the required
 * kinds of characters) unless `password` will do.
 */
export function checkPassword(
  password: string | undefined,
  rules: PasswordRules,
): asserts password is string {
  if (!password) throw authErrors.validation_failed({ problem: 'Signup requires a valid password' })
  if (Buffer.byteLength(password) > longestPassword) {
    throw authErrors.validation_failed({
      problem: `Password cannot be longer than ${longestPassword} bytes`,
    })
  }
  const { passwordMinLength: length, passwordRequiredCharacters: kinds } = rules
  const characters = [...password]
  const isShort = characters.length < length
  const lacks = kinds.filter((kind) => !characters.some((character) => kind.includes(character)))
  if (!isShort && lacks.length === 0) return
  const problems = [
    ...(isShort ? [`Password should be at least ${length} characters.`] : []),
    ...(lacks.length > 0
      ? [`Password should contain at least one character of each: ${lacks.join(', ')}.`]
      : []),
  ]
  const reasons = [...(isShort ? ['length'] : []), ...(lacks.length > 0 ? ['characters'] : [])]
  throw authErrors.weak_password({ problem: problems.join(' '), reasons })
}
