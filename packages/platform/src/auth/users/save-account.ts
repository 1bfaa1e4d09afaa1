import type { Actor } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { endSessions } from '../store/sessions.ts'
import { findUser, saveEmailIdentity, type UserChanges, updateUser } from '../store/users.ts'
import { checkMetadataSize } from './metadata.ts'
import type { UserRow } from './user-row.ts'

/** What changes of an account. */
export type AccountEdit = UserChanges & {
  /** The session that a new password leaves; all others end. */
  readonly keepSession?: string | null
}

/**
 * Stores changes of `user` with what follows from them: the e-mail identity learns of a new or confirmed address, a
 * new password ends sessions. Gives the account as it is then. Fails with `user_not_found`, `email_exists` or
 * `validation_failed` (too much metadata).
 */
export async function saveAccount(
  { database, clock }: AuthContext,
  actor: Actor,
  user: UserRow,
  { keepSession = null, ...changes }: AccountEdit,
): Promise<UserRow> {
  const at = clock.now()
  const { email, confirmed = false, passwordHash } = changes
  const verifiedEmail = email ?? (confirmed ? user.email : null)
  const statements = [
    updateUser(user.id, changes, at),
    ...(verifiedEmail === null ? [] : [saveEmailIdentity(user.id, verifiedEmail, confirmed, at)]),
    ...(passwordHash === undefined ? [] : [endSessions(user.id, { except: keepSession })]),
    findUser(user.id, at),
  ]
  return accountTransaction(database, actor, 'Error updating user', statements, (saved) => {
    if (!saved) throw authErrors.user_not_found()
    checkMetadataSize(saved)
    return saved
  })
}
