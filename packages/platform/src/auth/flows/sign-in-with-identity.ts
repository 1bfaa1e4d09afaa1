import type { Transaction } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { requireWelcome } from '../hooks/run-hook.ts'
import type { ProviderIdentity } from '../providers/provider.ts'
import { runAll } from '../store/account-transaction.ts'
import {
  addMetadata,
  findUserByIdentity,
  insertIdentity,
  lockUserByEmail,
  type NewIdentity,
  resetAccount,
  touchIdentity,
} from '../store/identities.ts'
import { type AccountRow, confirmEmail, insertUser, refreshProviders } from '../store/users.ts'
import { draftUser } from '../users/create-account.ts'
import { checkMetadataSize } from '../users/metadata.ts'

export const toIdentity = (provider: string, found: ProviderIdentity): NewIdentity => ({
  provider,
  subject: found.subject,
  data: {
    ...found.metadata,
    sub: found.subject,
    provider_id: found.subject,
    ...(found.email === null ? {} : { email: found.email }),
    email_verified: found.emailVerified,
    phone_verified: false,
  },
})

/**
 * The id of the account that an identity signs in to: its own, else the one of its address, else a new one. An account of
 * the same address is taken only if both sides have proven it: who registers somebody else's address first gains nothing.
 * Fails with `user_banned`, `signup_disabled`, `provider_email_needs_verification` or `email_exists`.
 */
export async function accountOfIdentity(
  auth: AuthContext,
  transaction: Transaction,
  provider: string,
  found: ProviderIdentity,
): Promise<string> {
  const at = auth.clock.now()
  const identity = toIdentity(provider, found)
  checkMetadataSize({ raw_user_meta_data: identity.data, raw_app_meta_data: null })
  const { rows } = await transaction.query<AccountRow>(findUserByIdentity(identity, at))
  if (rows[0]) {
    if (rows[0].is_banned) throw authErrors.user_banned()
    await transaction.query(touchIdentity(identity, at))
    return rows[0].id
  }
  if (found.email !== null && !found.emailVerified)
    throw authErrors.provider_email_needs_verification({ provider })
  const account = found.email === null ? undefined : await findByAddress(transaction, found.email, at)
  if (account) return takeAccount(auth, transaction, account, identity)
  return createAccount(auth, transaction, found, identity)
}

async function findByAddress(transaction: Transaction, email: string, at: Date) {
  const { rows } = await transaction.query<AccountRow>(lockUserByEmail(email, at))
  return rows[0]
}

async function takeAccount(
  { clock }: AuthContext,
  transaction: Transaction,
  account: AccountRow,
  identity: NewIdentity,
): Promise<string> {
  const at = clock.now()
  if (account.is_banned) throw authErrors.user_banned()
  if (!account.email_confirmed_at) {
    // Nobody could sign in to it yet, so nothing of it is anybody's; its password may be an attacker's.
    await runAll(transaction, [resetAccount(account.id, identity.data, at), confirmEmail(account.id, at)])
  } else if (!isProven(account)) throw authErrors.email_exists()
  await runAll(transaction, [insertIdentity(account.id, identity, at), refreshProviders(account.id)])
  return account.id
}

const isProven = (account: AccountRow): boolean =>
  account.identities.some(
    ({ email, identity_data }) =>
      email === account.email?.toLowerCase() && identity_data['email_verified'] === true,
  )

async function createAccount(
  auth: AuthContext,
  transaction: Transaction,
  { email }: ProviderIdentity,
  identity: NewIdentity,
): Promise<string> {
  if (auth.settings.disableSignup) throw authErrors.signup_disabled()
  const at = auth.clock.now()
  const user = {
    ...draftUser({ email, passwordHash: null, userMetadata: identity.data, at }),
    appMetadata: { provider: identity.provider, providers: [identity.provider] },
    isAnonymous: false,
  }
  await requireWelcome(auth, user, null)
  await runAll(transaction, [
    insertUser(user),
    insertIdentity(user.id, identity, at),
    ...(email === null ? [] : [confirmEmail(user.id, at)]),
  ])
  return user.id
}

/** Gives a signed-in user one more identity. Fails with `identity_already_exists`. */
export async function linkIdentity(
  { clock }: AuthContext,
  transaction: Transaction,
  userId: string,
  identity: NewIdentity,
): Promise<void> {
  const at = clock.now()
  const { rows } = await transaction.query<AccountRow>(findUserByIdentity(identity, at))
  if (rows[0]) throw authErrors.identity_already_exists()
  await runAll(transaction, [
    insertIdentity(userId, identity, at),
    addMetadata(userId, {}, at),
    refreshProviders(userId),
  ])
}
