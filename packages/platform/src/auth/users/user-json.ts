import type { JsonObject } from '../../kernel/index.ts'
import type { FactorRow, IdentityRow, UserRow } from './user-row.ts'

/** An account as GoTrue's clients receive it (OpenAPI: UserSchema): what is not set is left out. */
export function toUserJson(row: UserRow): JsonObject {
  return withoutNulls({
    id: row.id,
    aud: row.aud ?? '',
    role: row.role ?? '',
    email: row.email ?? '',
    email_confirmed_at: trimInstant(row.email_confirmed_at),
    invited_at: trimInstant(row.invited_at),
    phone: row.phone ?? '',
    phone_confirmed_at: trimInstant(row.phone_confirmed_at),
    confirmation_sent_at: trimInstant(row.confirmation_sent_at),
    confirmed_at: trimInstant(row.confirmed_at),
    recovery_sent_at: trimInstant(row.recovery_sent_at),
    new_email: row.new_email,
    email_change_sent_at: trimInstant(row.email_change_sent_at),
    new_phone: row.new_phone,
    phone_change_sent_at: trimInstant(row.phone_change_sent_at),
    reauthentication_sent_at: trimInstant(row.reauthentication_sent_at),
    last_sign_in_at: trimInstant(row.last_sign_in_at),
    app_metadata: row.raw_app_meta_data ?? {},
    user_metadata: row.raw_user_meta_data ?? {},
    identities: row.identities.map(toIdentityJson),
    factors: row.factors.length > 0 ? row.factors.map(toFactorJson) : null,
    banned_until: trimInstant(row.banned_until),
    created_at: trimInstant(row.created_at),
    updated_at: trimInstant(row.updated_at),
    deleted_at: trimInstant(row.deleted_at),
    is_anonymous: row.is_anonymous,
  })
}

/** Field by field: PostgreSQL orders them as it likes, and an answer that is made up must not look different. */
function toIdentityJson(row: IdentityRow): JsonObject {
  return withoutNulls({
    identity_id: row.identity_id,
    id: row.id,
    user_id: row.user_id,
    identity_data: row.identity_data,
    provider: row.provider,
    last_sign_in_at: trimInstant(row.last_sign_in_at),
    created_at: trimInstant(row.created_at),
    updated_at: trimInstant(row.updated_at),
    email: row.email,
  })
}

/** A second factor as GoTrue's clients receive it. */
export function toFactorJson(row: FactorRow): JsonObject {
  return withoutNulls({
    ...row,
    created_at: trimInstant(row.created_at),
    updated_at: trimInstant(row.updated_at),
    last_challenged_at: trimInstant(row.last_challenged_at),
  })
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}

/** Go writes no trailing zeros of a fraction: `12:00:00.5Z`, `12:00:00Z`. Infinite instants have no text. */
function trimInstant(instant: string | null): string | null {
  const [seconds = '', fraction] = instant?.slice(0, -1).split('.') ?? []
  if (!fraction) return instant
  const digits = fraction.replace(/(?<!0)0+$/, '')
  return digits === '' ? `${seconds}Z` : `${seconds}.${digits}Z`
}
