import type { Statement } from '../../database/index.ts'
import { type JsonObject, newId } from '../../kernel/index.ts'
import {
  confirmEmail,
  confirmPhone,
  emailProvider,
  insertUser,
  type NewUser,
  phoneProvider,
  saveIdentity,
} from '../store/users.ts'
import { checkMetadataSize } from './metadata.ts'

/** An account to be made. */
export interface AccountDraft {
  readonly id?: string | undefined
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
  readonly passwordHash: string | null
  readonly userMetadata?: JsonObject | undefined
  readonly appMetadata?: JsonObject | undefined
  readonly role?: string | undefined
  readonly at: Date
}

/** Every fact of the new account, with its id. An account without an address is an anonymous one. */
export function draftUser(draft: AccountDraft): NewUser {
  const { email = null, phone = null } = draft
  const providers = email !== null ? emailProvider : phone !== null ? phoneProvider : {}
  const user: NewUser = {
    id: draft.id ?? newId(),
    email,
    phone,
    passwordHash: draft.passwordHash,
    appMetadata: {
      ...providers,
      ...(email !== null && phone !== null ? { providers: ['email', 'phone'] } : {}),
      ...draft.appMetadata,
    },
    userMetadata: draft.userMetadata ?? {},
    role: draft.role ?? 'authenticated',
    isAnonymous: email === null && phone === null,
    at: draft.at,
  }
  checkMetadataSize({ raw_user_meta_data: user.userMetadata, raw_app_meta_data: user.appMetadata })
  return user
}

/** What is known of an address from the start: taken as confirmed, and whether somebody or something proved it. */
export interface AddressState {
  readonly confirmed: boolean
  readonly proven: boolean
}

export const unproven: AddressState = { confirmed: false, proven: false }
/** Taken as confirmed because the project asks for no proof. */
export const confirmedUnasked: AddressState = { confirmed: true, proven: false }

/** The statements that store an account, in the order in which GoTrue has them. */
export function storeAccount(
  user: NewUser,
  email: AddressState,
  phone: AddressState = email,
): readonly Statement[] {
  const { id, at } = user
  const identities = [
    ...(user.email === null
      ? []
      : [{ provider: 'email' as const, address: user.email, proven: email.proven }]),
    ...(user.phone === null
      ? []
      : [{ provider: 'phone' as const, address: user.phone, proven: phone.proven }]),
  ]
  return [
    insertUser(user),
    ...identities.map((identity) => saveIdentity(id, identity, at)),
    ...(user.email !== null && email.confirmed ? [confirmEmail(id, at)] : []),
    ...(user.phone !== null && phone.confirmed ? [confirmPhone(id, at)] : []),
  ]
}
