import type { Actor, Statement } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { endSessions } from '../store/sessions.ts'
import { findUser, saveIdentity, type UserChanges, updateUser } from '../store/users.ts'
import { checkMetadataSize } from './metadata.ts'
import type { UserRow } from './user-row.ts'

/** What changes of an account. */
export type AccountEdit = UserChanges & {
  /** The session that a new password leaves; all others end. */
  readonly keepSession?: string | null
  /** Whether confirmed addresses were proven; see `AddressIdentity`. Default true: an administrator vouches for them. */
  readonly proven?: boolean
  /** What else is stored with it. */
  readonly also?: readonly Statement[]
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
  { keepSession = null, proven = true, also = [], ...changes }: AccountEdit,
): Promise<UserRow> {
  const at = clock.now()
  const { email, confirmed = false, phone, phoneConfirmed = false, passwordHash } = changes
  const identities = [
    {
      provider: 'email' as const,
      address: email ?? (confirmed ? user.email : null),
      proven: confirmed && proven,
    },
    {
      provider: 'phone' as const,
      address: phone ?? (phoneConfirmed ? user.phone : null),
      proven: phoneConfirmed && proven,
    },
  ]
  const statements = [
    updateUser(user.id, changes, at),
    ...identities.flatMap(({ address, ...identity }) =>
      address === null ? [] : [saveIdentity(user.id, { ...identity, address }, at)],
    ),
    ...(passwordHash === undefined ? [] : [endSessions(user.id, { except: keepSession })]),
    ...also,
    findUser(user.id, at),
  ]
  return accountTransaction(database, actor, 'Error updating user', statements, (saved) => {
    if (!saved) throw authErrors.user_not_found()
    checkMetadataSize(saved)
    return saved
  })
}
