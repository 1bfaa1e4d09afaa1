import type { JsonObject } from '../../kernel/index.ts'

/** An account as the statements of `store/` read it. Instants are RFC 3339 text in UTC. */
export interface UserRow {
  readonly id: string
  readonly aud: string | null
  readonly role: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly raw_app_meta_data: JsonObject | null
  readonly raw_user_meta_data: JsonObject | null
  readonly is_anonymous: boolean
  readonly new_email: string | null
  readonly new_phone: string | null
  readonly email_confirmed_at: string | null
  readonly phone_confirmed_at: string | null
  readonly confirmed_at: string | null
  readonly invited_at: string | null
  readonly confirmation_sent_at: string | null
  readonly recovery_sent_at: string | null
  readonly email_change_sent_at: string | null
  readonly phone_change_sent_at: string | null
  readonly reauthentication_sent_at: string | null
  readonly last_sign_in_at: string | null
  readonly banned_until: string | null
  readonly created_at: string | null
  readonly updated_at: string | null
  readonly deleted_at: string | null
  readonly identities: readonly IdentityRow[]
  readonly factors: readonly FactorRow[]
}

/** A second factor as clients may see it. */
export interface FactorRow {
  readonly id: string
  readonly friendly_name: string | null
  readonly factor_type: 'totp' | 'phone' | 'webauthn' | 'recovery_code'
  readonly status: 'unverified' | 'verified'
  readonly phone: string | null
  readonly created_at: string | null
  readonly updated_at: string | null
  readonly last_challenged_at: string | null
}

export interface IdentityRow {
  readonly identity_id: string
  readonly id: string
  readonly user_id: string
  readonly identity_data: JsonObject
  readonly provider: string
  readonly last_sign_in_at: string | null
  readonly created_at: string | null
  readonly updated_at: string | null
  readonly email: string | null
}

const instants = [
  'email_confirmed_at',
  'phone_confirmed_at',
  'confirmed_at',
  'invited_at',
  'confirmation_sent_at',
  'recovery_sent_at',
  'email_change_sent_at',
  'phone_change_sent_at',
  'reauthentication_sent_at',
  'last_sign_in_at',
  'banned_until',
  'created_at',
  'updated_at',
  'deleted_at',
]

const instantText = (column: string) =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** An instant in milliseconds since 1970. */
export const milliseconds = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

const identities = `(select coalesce(jsonb_agg(jsonb_build_object(
    'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data,
    'provider', i.provider, 'email', i.email,
    'last_sign_in_at', ${instantText('i.last_sign_in_at')},
    'created_at', ${instantText('i.created_at')},
    'updated_at', ${instantText('i.updated_at')}) order by i.created_at, i.id), '[]')
  from auth.identities i where i.user_id = u.id) as identities`

const factors = `(select coalesce(jsonb_agg(jsonb_build_object(
    'id', f.id, 'friendly_name', f.friendly_name, 'factor_type', f.factor_type, 'status', f.status, 'phone', f.phone,
    'created_at', ${instantText('f.created_at')},
    'updated_at', ${instantText('f.updated_at')},
    'last_challenged_at', ${instantText('f.last_challenged_at')}) order by f.created_at, f.id), '[]')
  from auth.mfa_factors f where f.user_id = u.id) as factors`

/** Select list of a {@link UserRow}; the account is called `u`. */
export const userColumns = `u.id, u.aud, u.role, u.email, u.phone, u.raw_app_meta_data, u.raw_user_meta_data,
  u.is_anonymous, nullif(u.email_change, '') as new_email, nullif(u.phone_change, '') as new_phone,
  ${instants.map((column) => `${instantText(`u.${column}`)} as ${column}`).join(', ')},
  ${identities}, ${factors}`
