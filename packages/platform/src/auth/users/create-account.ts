import type { Statement } from '../../database/index.ts'
import { type JsonObject, newId } from '../../kernel/index.ts'
import { confirmEmail, emailProvider, insertUser, type NewUser, saveEmailIdentity } from '../store/users.ts'
import { checkMetadataSize } from './metadata.ts'

/** An account to be made. */
export interface AccountDraft {
  readonly id?: string | undefined
  readonly email: string | null
  readonly passwordHash: string | null
  readonly userMetadata?: JsonObject | undefined
  readonly appMetadata?: JsonObject | undefined
  readonly role?: string | undefined
  readonly at: Date
}

/** Every fact of the new account, with its id. An account without an address is an anonymous one. */
export function draftUser(draft: AccountDraft): NewUser {
  const user: NewUser = {
    id: draft.id ?? newId(),
    email: draft.email,
    passwordHash: draft.passwordHash,
    appMetadata: { ...(draft.email === null ? {} : emailProvider), ...draft.appMetadata },
    userMetadata: draft.userMetadata ?? {},
    role: draft.role ?? 'authenticated',
    isAnonymous: draft.email === null,
    at: draft.at,
  }
  checkMetadataSize({ raw_user_meta_data: user.userMetadata, raw_app_meta_data: user.appMetadata })
  return user
}

/** The statements that store an account, in the order in which GoTrue has them. */
export function storeAccount(user: NewUser, confirmed: boolean): Statement[] {
  const { id, email, at } = user
  const inserted = insertUser(user)
  if (email === null) return [inserted]
  const identified = [inserted, saveEmailIdentity(id, email, confirmed, at)]
  return confirmed ? [...identified, confirmEmail(id, at)] : identified
}
