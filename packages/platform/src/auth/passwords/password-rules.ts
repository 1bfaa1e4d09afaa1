import { authErrors } from '../errors.ts'

/**
 * Longest password in bytes of UTF-8. GoTrue stops at 72 because bcrypt ignores what follows; argon2id reads all of
 * it, so a passphrase may be longer.
 */
export const longestPassword = 256

/** Fails with `weak_password` (too short) or `validation_failed` (missing or too long) unless `password` will do. */
export function checkPassword(password: string | undefined, minLength: number): asserts password is string {
  if (!password) throw authErrors.validation_failed({ problem: 'Signup requires a valid password' })
  if (Buffer.byteLength(password) > longestPassword) {
    throw authErrors.validation_failed({
      problem: `Password cannot be longer than ${longestPassword} bytes`,
    })
  }
  if ([...password].length < minLength) {
    throw authErrors.weak_password({ length: minLength, reasons: ['length'] })
  }
}
