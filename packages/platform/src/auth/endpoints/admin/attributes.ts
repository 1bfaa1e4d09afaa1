import { z } from 'zod'
import { requestRoles } from '../../../database/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import { isUsableHash } from '../../passwords/password-hasher.ts'
import { checkPassword } from '../../passwords/password-rules.ts'
import { type AuthRequest, turnOf } from '../../request.ts'
import { metadataSchema } from '../../users/metadata.ts'
import { optionalFlag, optionalPassword, optionalText } from '../fields.ts'

/** What an administrator may say of an account; the fields of auth-js's AdminUserAttributes. */
export const adminAttributes = z.object({
  id: z
    .guid()
    .nullish()
    .transform((id) => id ?? undefined),
  email: optionalText,
  phone: optionalText,
  password: optionalPassword,
  password_hash: optionalText,
  email_confirm: optionalFlag,
  phone_confirm: optionalFlag,
  user_metadata: metadataSchema,
  app_metadata: metadataSchema,
  role: z
    .enum([...requestRoles, ''])
    .nullish()
    .transform((role) => role || undefined),
  ban_duration: optionalText,
})
export type AdminAttributes = z.output<typeof adminAttributes>

/**
 * The hash of a new password, or the hash that the account brings along (argon2 or bcrypt); undefined when neither
 * is given.
 */
export async function passwordHashOf(
  auth: AuthContext,
  c: AuthRequest,
  { password, password_hash: brought }: AdminAttributes,
): Promise<string | undefined> {
  if (brought !== undefined) {
    if (password !== undefined) {
      throw authErrors.validation_failed({ problem: 'Only a password or a password hash should be provided' })
    }
    if (!isUsableHash(brought)) {
      throw authErrors.validation_failed({
        problem: 'password_hash must be of argon2 or bcrypt, of usual cost',
      })
    }
    return brought
  }
  if (password === undefined) return undefined
  checkPassword(password, auth.settings)
  return auth.passwords.hash(password, turnOf(auth, c))
}
