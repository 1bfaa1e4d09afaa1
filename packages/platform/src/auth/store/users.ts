import { type Statement, sql } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import { type UserRow, userColumns } from '../users/user-row.ts'

/** An account with what only the server may know of it. */
export interface AccountRow extends UserRow {
  readonly encrypted_password: string | null
  readonly is_banned: boolean
}

export interface NewUser {
  readonly id: string
  readonly email: string | null
  readonly phone: string | null
  readonly passwordHash: string | null
  readonly appMetadata: JsonObject
  readonly userMetadata: JsonObject
  readonly role: string
  readonly isAnonymous: boolean
  readonly at: Date
}

/** Unconfirmed, as GoTrue does it: a system's trigger on confirmation sees the change that {@link confirmEmail} makes. */
export const insertUser = (user: NewUser): Statement => sql`
  insert into auth.users (id, instance_id, aud, role, email, phone, encrypted_password, raw_app_meta_data,
    raw_user_meta_data, is_anonymous, created_at, updated_at, confirmation_token, recovery_token,
    email_change_token_new, email_change)
  values (${user.id}, '00000000-0000-0000-0000-000000000000', 'authenticated', ${user.role}, ${user.email}, ${user.phone},
    ${user.passwordHash}, ${JSON.stringify(user.appMetadata)}, ${JSON.stringify(user.userMetadata)},
    ${user.isAnonymous}, ${user.at}, ${user.at}, '', '', '', '')`

/** Whether an identity's address was proven, by a code, a link or an administrator; confirming it without asking is none. */
export interface AddressIdentity {
  readonly provider: 'email' | 'phone'
  readonly address: string
  readonly proven: boolean
}

/** Gives the account the identity of an address, or the identity its new address. */
export const saveIdentity = (
  userId: string,
  { provider, address, proven }: AddressIdentity,
  at: Date,
): Statement => {
  const data =
    provider === 'email'
      ? { sub: userId, email: address, email_verified: proven, phone_verified: false }
      : { sub: userId, phone: address, email_verified: false, phone_verified: proven }
  return sql`
    insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    values (${userId}::uuid::text, ${userId}, ${JSON.stringify(data)}, ${provider}, ${at}, ${at}, ${at})
    on conflict (provider_id, provider) do update
      set identity_data = auth.identities.identity_data || excluded.identity_data, updated_at = excluded.updated_at`
}

export const confirmEmail = (userId: string, at: Date): Statement => sql`
  update auth.users set email_confirmed_at = ${at}, updated_at = ${at}
  where id = ${userId} and email_confirmed_at is null`

export const confirmPhone = (userId: string, at: Date): Statement => sql`
  update auth.users set phone_confirmed_at = ${at}, updated_at = ${at}
  where id = ${userId} and phone_confirmed_at is null`

/** Notes when a message went out; the column is one of ours. */
export const markSent = (userId: string, column: string, at: Date): Statement => ({
  text: `update auth.users set ${column} = $2, updated_at = $2 where id = $1`,
  values: [userId, at],
})

export const markInvited = (userId: string, at: Date): Statement => sql`
  update auth.users set invited_at = ${at}, updated_at = ${at} where id = ${userId}`

/** Takes away the password of an account whose owner was never proven: whoever registered it may be somebody else. */
export const dropPassword = (userId: string, at: Date): Statement => sql`
  update auth.users set encrypted_password = null, updated_at = ${at} where id = ${userId}`

/** Remembers the address that an account is to have once it is proven. */
export const askForEmail = (userId: string, email: string, at: Date): Statement => sql`
  update auth.users set email_change = ${email}, email_change_confirm_status = 0, updated_at = ${at} where id = ${userId}`
export const askForPhone = (userId: string, phone: string, at: Date): Statement => sql`
  update auth.users set phone_change = ${phone}, updated_at = ${at} where id = ${userId}`

/** One of two addresses has confirmed a change. */
export const noteFirstConfirmation = (userId: string, at: Date): Statement => sql`
  update auth.users set email_change_confirm_status = 1, updated_at = ${at} where id = ${userId}`

/** The pending address becomes the account's; whoever was anonymous is not any more. */
export const takeNewEmail = (userId: string, at: Date): Statement => sql`
  update auth.users set email = email_change, email_change = '', email_change_confirm_status = 0,
    email_confirmed_at = ${at}, is_anonymous = false, updated_at = ${at}
  where id = ${userId}`
export const takeNewPhone = (userId: string, at: Date): Statement => sql`
  update auth.users set phone = phone_change, phone_change = '', phone_confirmed_at = ${at}, is_anonymous = false,
    updated_at = ${at}
  where id = ${userId}`

/** Brings `provider` and `providers` of app_metadata in line with the account's identities, oldest first. */
export const refreshProviders = (userId: string): Statement => sql`
  update auth.users u
  set raw_app_meta_data = coalesce(u.raw_app_meta_data, '{}') || (
    select case when count(*) = 0 then '{}'::jsonb
      else jsonb_build_object('provider', (array_agg(i.provider order by i.created_at, i.id))[1],
        'providers', (select jsonb_agg(p.provider order by p.first) from (
          select provider, min(created_at) as first from auth.identities where user_id = ${userId} group by provider) p))
      end
    from auth.identities i where i.user_id = ${userId})
  where u.id = ${userId}`

/** Select list of an {@link AccountRow} without `is_banned`; the account is called `u`. */
export const accountColumns = `${userColumns}, u.encrypted_password`

export const findUser = (id: string, at: Date): Statement => ({
  name: 'auth_find_user',
  text: `select ${accountColumns}, coalesce(u.banned_until > $2, false) as is_banned from auth.users u where u.id = $1`,
  values: [id, at],
})

export const findUserByEmail = (email: string, at: Date): Statement => ({
  name: 'auth_find_user_by_email',
  text: `select ${accountColumns}, coalesce(u.banned_until > $2, false) as is_banned
    from auth.users u
    where lower(u.email collate "C") = $1 and not u.is_sso_user and u.deleted_at is null`,
  values: [email, at],
})

export const findUserByPhone = (phone: string, at: Date): Statement => ({
  name: 'auth_find_user_by_phone',
  text: `select ${accountColumns}, coalesce(u.banned_until > $2, false) as is_banned
    from auth.users u where u.phone = $1 and not u.is_sso_user and u.deleted_at is null`,
  values: [phone, at],
})

/** The account together with whether the session is one of its own that still lasts; null without a session. */
export const findSignedInUser = (id: string, sessionId: string | null, at: Date): Statement => ({
  name: 'auth_find_signed_in_user',
  text: `select ${accountColumns}, coalesce(u.banned_until > $2, false) as is_banned,
      $3::uuid is null or exists (
        select from auth.sessions s
        where s.id = $3 and s.user_id = u.id and (s.not_after is null or s.not_after > $2)
      ) as has_session
    from auth.users u where u.id = $1 and u.deleted_at is null`,
  values: [id, at, sessionId],
})

/** Changes of an account; what is undefined stays. */
export interface UserChanges {
  readonly email?: string | undefined
  readonly confirmed?: boolean | undefined
  readonly phone?: string | undefined
  readonly phoneConfirmed?: boolean | undefined
  readonly passwordHash?: string | undefined
  readonly role?: string | undefined
  /** Keys to set; a key with null is removed. */
  readonly userMetadata?: JsonObject | undefined
  readonly appMetadata?: JsonObject | undefined
  /** Null lifts a ban. */
  readonly bannedUntil?: Date | null | undefined
}

/** What an account's app_metadata says when an address is its first identity. */
export const emailProvider = { provider: 'email', providers: ['email'] }
export const phoneProvider = { provider: 'phone', providers: ['phone'] }

/** An account that gets an address is anonymous no more. */
export function updateUser(id: string, changes: UserChanges, at: Date): Statement {
  const user = splitMetadata(changes.userMetadata)
  const app = splitMetadata(changes.appMetadata)
  return sql`
    update auth.users set
      email = coalesce(${changes.email}, email),
      email_confirmed_at = case when ${changes.confirmed ?? false} then coalesce(email_confirmed_at, ${at})
        else email_confirmed_at end,
      phone = coalesce(${changes.phone}, phone),
      phone_confirmed_at = case when ${changes.phoneConfirmed ?? false} then coalesce(phone_confirmed_at, ${at})
        else phone_confirmed_at end,
      encrypted_password = coalesce(${changes.passwordHash}, encrypted_password),
      role = coalesce(${changes.role}, role),
      raw_user_meta_data = (coalesce(raw_user_meta_data, '{}') || ${user.set}::jsonb) - ${user.remove}::text[],
      raw_app_meta_data = (${JSON.stringify(providersOf(changes))}::jsonb
        || coalesce(raw_app_meta_data, '{}') || ${app.set}::jsonb) - ${app.remove}::text[],
      banned_until = case when ${changes.bannedUntil !== undefined} then ${changes.bannedUntil ?? null}
        else banned_until end,
      is_anonymous = is_anonymous and ${changes.email ?? changes.phone}::text is null,
      updated_at = ${at}
    where id = ${id}`
}

const providersOf = ({ email, phone }: UserChanges) => (email ? emailProvider : phone ? phoneProvider : {})

function splitMetadata(changes: JsonObject = {}) {
  const entries = Object.entries(changes)
  return {
    set: JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== null))),
    remove: entries.filter(([, value]) => value === null).map(([key]) => key),
  }
}

/** Newest first. */
export const listUsers = (limit: number, offset: number): Statement => ({
  text: `select ${userColumns} from auth.users u order by u.created_at desc, u.id limit $1 offset $2`,
  values: [limit, offset],
})

export const countUsers = (): Statement => sql`select count(*)::int as total from auth.users`

export const deleteUser = (id: string): Statement => sql`delete from auth.users where id = ${id}`

/**
 * Keeps the row, so that what refers to it still can, and takes everything personal out of it. Addresses become
 * hashes with the id, so that the same address can sign up again.
 */
export const softDeleteUser = (id: string, at: Date): Statement => sql`
  with identity as (
    update auth.identities set
      provider_id = encode(sha256(convert_to(user_id::text || provider_id, 'UTF8')), 'hex'),
      identity_data = '{}', updated_at = ${at}
    where user_id = ${id}
  ), session as (
    delete from auth.sessions where user_id = ${id}
  ), token as (
    delete from auth.one_time_tokens where user_id = ${id}
  ), factor as (
    delete from auth.mfa_factors where user_id = ${id}
  )
  update auth.users set
    email = encode(sha256(convert_to(id::text || email, 'UTF8')), 'hex'),
    phone = encode(sha256(convert_to(id::text || phone, 'UTF8')), 'hex'),
    encrypted_password = null, raw_user_meta_data = '{}', raw_app_meta_data = '{}',
    confirmation_token = '', recovery_token = '', email_change_token_new = '', email_change_token_current = '',
    email_change = '', phone_change = '', phone_change_token = '', reauthentication_token = '',
    deleted_at = coalesce(deleted_at, ${at}), updated_at = ${at}
  where id = ${id} and deleted_at is null`
