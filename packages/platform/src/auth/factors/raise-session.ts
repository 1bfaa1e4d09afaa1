import type { Statement } from '../../database/index.ts'
import { sql } from '../../database/index.ts'
import { newId } from '../../kernel/index.ts'
import type { SessionFacts } from '../sessions/access-token.ts'
import { hashRefreshToken, newRefreshToken } from '../sessions/refresh-token.ts'
import type { SignInMethod } from '../store/sessions.ts'
import { type UserRow, userColumns } from '../users/user-row.ts'

/** A session's facts after a second factor, with its account. */
export interface RaisedRow extends UserRow {
  readonly amr: SessionFacts['amr']
}

/**
 * Raises a session to `aal2`, with a new refresh token in place of the old one. Gives the account and the session's methods;
 * no row when the session is over.
 */
export function raiseSession(
  sessionId: string,
  factorId: string,
  method: SignInMethod,
  at: Date,
): { readonly statements: readonly Statement[]; readonly refreshToken: string } {
  const refreshToken = newRefreshToken()
  return {
    refreshToken,
    statements: [
      sql`
        with method as (
          insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
          select ${newId()}, s.id, ${at}, ${at}, ${method} from auth.sessions s where s.id = ${sessionId}
          on conflict (session_id, authentication_method)
          do update set created_at = excluded.created_at, updated_at = excluded.updated_at
        ), revoked as (
          update auth.refresh_tokens set revoked = true, updated_at = ${at} where session_id = ${sessionId} and not revoked
        ), token as (
          insert into auth.refresh_tokens (token, user_id, created_at, updated_at, session_id)
          select ${hashRefreshToken(refreshToken)}, s.user_id, ${at}, ${at}, s.id from auth.sessions s where s.id = ${sessionId}
        )
        update auth.sessions set aal = 'aal2', factor_id = ${factorId}, updated_at = ${at} where id = ${sessionId}`,
      {
        text: `select ${userColumns},
            (select jsonb_agg(jsonb_build_object('method', m.authentication_method,
                'timestamp', floor(extract(epoch from m.created_at))::bigint) order by m.created_at desc)
              from auth.mfa_amr_claims m where m.session_id = s.id) as amr
          from auth.sessions s join auth.users u on u.id = s.user_id
          where s.id = $1 and (s.not_after is null or s.not_after > $2)`,
        values: [sessionId, at],
      },
    ],
  }
}

/** A user with a second factor has no use for sessions that lack one. */
export const endWeakSessions = (userId: string): Statement =>
  sql`delete from auth.sessions where user_id = ${userId} and (aal is null or aal < 'aal2')`

/** Sessions that this factor raised are as they were before. */
export const lowerSessions = (userId: string): Statement => sql`
  with lowered as (
    update auth.sessions set aal = 'aal1', factor_id = null where user_id = ${userId} and aal = 'aal2' returning id
  )
  delete from auth.mfa_amr_claims m using lowered l
  where m.session_id = l.id and m.authentication_method in ('totp', 'mfa/phone', 'mfa/recovery_code')`
