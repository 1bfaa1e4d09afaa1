import { type Statement, sql } from '../../database/index.ts'
import { type JsonObject, newId } from '../../kernel/index.ts'
import { accountColumns } from './users.ts'

/** An identity at another provider. */
export interface NewIdentity {
  readonly provider: string
  readonly subject: string
  readonly data: JsonObject
}

export const insertIdentity = (userId: string, identity: NewIdentity, at: Date): Statement => sql`
  insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
  values (${newId()}, ${identity.subject}, ${userId}, ${JSON.stringify(identity.data)}, ${identity.provider}, ${at}, ${at}, ${at})`

export const touchIdentity = (identity: NewIdentity, at: Date): Statement => sql`
  update auth.identities set identity_data = ${JSON.stringify(identity.data)}, last_sign_in_at = ${at}, updated_at = ${at}
  where provider = ${identity.provider} and provider_id = ${identity.subject}`

/** The account of an identity, locked. */
export const findUserByIdentity = ({ provider, subject }: NewIdentity, at: Date): Statement => ({
  name: 'auth_find_user_by_identity',
  text: `select ${accountColumns}, coalesce(u.banned_until > $3, false) as is_banned
    from auth.identities i join auth.users u on u.id = i.user_id
    where i.provider = $1 and i.provider_id = $2 and u.deleted_at is null for update of u`,
  values: [provider, subject, at],
})

export const lockUserByEmail = (email: string, at: Date): Statement => ({
  name: 'auth_lock_user_by_email',
  text: `select ${accountColumns}, coalesce(u.banned_until > $2, false) as is_banned
    from auth.users u
    where lower(u.email collate "C") = $1 and not u.is_sso_user and u.deleted_at is null for update of u`,
  values: [email, at],
})

/** Empties an account that nobody ever proved to be theirs, for the owner of the address. */
export const resetAccount = (userId: string, metadata: JsonObject, at: Date): Statement => sql`
  with identity as (
    delete from auth.identities where user_id = ${userId}
  ), session as (
    delete from auth.sessions where user_id = ${userId}
  ), token as (
    delete from auth.one_time_tokens where user_id = ${userId}
  )
  update auth.users
  set encrypted_password = null, phone = null, raw_user_meta_data = ${JSON.stringify(metadata)}, updated_at = ${at}
  where id = ${userId}`

export const addMetadata = (userId: string, metadata: JsonObject, at: Date): Statement => sql`
  update auth.users set raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || ${JSON.stringify(metadata)}::jsonb,
    is_anonymous = false, updated_at = ${at}
  where id = ${userId}`

export const deleteIdentity = (userId: string, id: string): Statement =>
  sql`delete from auth.identities where user_id = ${userId} and id = ${id}`

/** What an identity gave an account goes with it: its address becomes another identity's, or none. */
export const dropEmail = (userId: string, next: string | null, at: Date): Statement => sql`
  update auth.users set email = ${next}, encrypted_password = null, updated_at = ${at},
    email_confirmed_at = case when ${next}::text is null then null else email_confirmed_at end
  where id = ${userId}`
export const dropPhone = (userId: string, at: Date): Statement => sql`
  update auth.users set phone = null, phone_confirmed_at = null, updated_at = ${at} where id = ${userId}`
