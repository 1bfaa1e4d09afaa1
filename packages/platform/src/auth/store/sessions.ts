import { type Statement, sql } from '../../database/index.ts'
import { milliseconds, type UserRow, userColumns } from '../users/user-row.ts'

/** How a user proved themselves (claim `amr`); GoTrue's names. */
export type SignInMethod =
  | 'password'
  | 'anonymous'
  | 'otp'
  | 'oauth'
  | 'recovery'
  | 'invite'
  | 'magiclink'
  | 'email/signup'
  | 'email_change'
  | 'totp'
  | 'mfa/phone'
  | 'mfa/recovery_code'

export interface CheckedPassword {
  /** The hash that it was checked against: if it has changed since, no session opens. */
  readonly checkedHash: string | null
  /** A newer hash of the same password to keep instead. */
  readonly betterHash: string | null
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  /** The password that was checked; null for other ways of signing in. */
  readonly password: CheckedPassword | null
  /** Ends the user's other sessions. */
  readonly single: boolean
  readonly method: SignInMethod
  readonly tokenHash: string
  readonly userAgent: string | null
  readonly address: string | null
  readonly at: Date
}

/** Opens a session with its first refresh token, and gives the account; no row when it may not sign in any more. */
export const openSession = (session: NewSession): Statement => ({
  name: 'auth_open_session',
  text: `with signed_in as (
      update auth.users as u
      set last_sign_in_at = $2, updated_at = $2, encrypted_password = coalesce($4, u.encrypted_password)
      where u.id = $1 and ($10 or u.encrypted_password is not distinct from $3::varchar) and u.deleted_at is null
        and (u.banned_until is null or u.banned_until <= $2)
      returning u.*
    ), ended as (
      delete from auth.sessions s using signed_in u where s.user_id = u.id and $11
    ), session as (
      insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
      select $5, u.id, $2, $2, 'aal1', $6, $7::inet from signed_in u
    ), method as (
      insert into auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method)
      select $5, $2, $2, $8 from signed_in u
    ), token as (
      insert into auth.refresh_tokens (token, user_id, created_at, updated_at, session_id)
      select $9, u.id, $2, $2, $5 from signed_in u
    )
    select ${userColumns} from signed_in u`,
  values: [
    session.userId,
    session.at,
    session.password?.checkedHash ?? null,
    session.password?.betterHash ?? null,
    session.id,
    session.userAgent,
    session.address,
    session.method,
    session.tokenHash,
    session.password === null,
    session.single,
  ],
})

export type RotationOutcome = 'rotated' | 'repeated' | 'reused' | 'banned' | 'expired' | 'unknown'

/** What came of a refresh; session and account only when it was `rotated` or `repeated`. */
export interface RotationRow extends UserRow {
  readonly outcome: RotationOutcome
  readonly session_id: string
  readonly derivation_key: string
  readonly aal: string
  /** Null for sessions that say nothing of it. */
  readonly amr: readonly { readonly method: string; readonly timestamp: number }[] | null
}

export interface Rotation {
  readonly presentedHash: string
  readonly childHash: string
  readonly childKey: string
  readonly at: Date
  readonly graceSeconds: number
  /** A session ends so long after it began, and so long after its last refresh; 0: never. */
  readonly timeboxSeconds: number
  readonly inactivitySeconds: number
}

export const rotateRefreshToken = (rotation: Rotation): Statement => ({
  name: 'auth_rotate_refresh_token',
  text: `select r.outcome, r.session_id, r.derivation_key, s.aal,
      (select jsonb_agg(jsonb_build_object('method', m.authentication_method,
          'timestamp', floor(extract(epoch from m.created_at))::bigint) order by m.created_at desc)
        from auth.mfa_amr_claims m where m.session_id = r.session_id) as amr,
      ${userColumns}
    from plinth.rotate_refresh_token($1, $2, $3, $4, make_interval(secs => $5), make_interval(secs => $6),
      make_interval(secs => $7)) r
    left join auth.users u on u.id = r.user_id
    left join auth.sessions s on s.id = r.session_id`,
  values: [
    rotation.presentedHash,
    rotation.childHash,
    rotation.childKey,
    rotation.at,
    rotation.graceSeconds,
    rotation.timeboxSeconds,
    rotation.inactivitySeconds,
  ],
})

export interface SessionRow {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly created_at: number | null
  readonly aal: string | null
}

export const findSession = (id: string | null): Statement => ({
  text: `select id, ${milliseconds('created_at')} as created_at, aal from auth.sessions where id = $1`,
  values: [id],
})

/** Ends sessions of a user: one, all but one, or (without ids) all. */
export const endSessions = (
  userId: string,
  { only = null, except = null }: { readonly only?: string | null; readonly except?: string | null } = {},
): Statement => sql`
  delete from auth.sessions
  where user_id = ${userId} and (${only}::uuid is null or id = ${only}) and (${except}::uuid is null or id <> ${except})`
