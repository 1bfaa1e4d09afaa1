import type { JsonObject } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { customiseClaims } from '../hooks/run-hook.ts'
import { toUserJson } from '../users/user-json.ts'
import type { UserRow } from '../users/user-row.ts'

/** A session as its tokens tell of it. */
export interface SessionFacts {
  readonly id: string
  /** Authenticator assurance level: `aal1`, `aal2`. */
  readonly aal: string
  /** Authentication methods, newest first; timestamps in seconds since 1970. */
  readonly amr: readonly { readonly method: string; readonly timestamp: number }[]
  readonly refreshToken: string
}

export interface GrantedTokens extends JsonObject {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly expires_at: number
  readonly refresh_token: string
  readonly user: JsonObject
}

/** The answer of every endpoint that signs somebody in (OpenAPI: AccessTokenResponseSchema). */
export async function grantTokens(
  auth: AuthContext,
  user: UserRow,
  session: SessionFacts,
): Promise<GrantedTokens> {
  const { keys, clock, settings, url } = auth
  const issuedAt = Math.floor(clock.now().getTime() / 1000)
  const expiresAt = issuedAt + settings.jwtExp
  const claims = accessClaims(user, session, { issuer: `${url}/auth/v1`, issuedAt, expiresAt })
  return {
    access_token: await keys.sign(await customiseClaims(auth, claims, session.amr[0]?.method ?? '')),
    token_type: 'bearer',
    expires_in: settings.jwtExp,
    expires_at: expiresAt,
    refresh_token: session.refreshToken,
    user: toUserJson(user),
  }
}

/** The claims of an access token as supabase.com/docs/guides/auth/jwt-fields lists them. */
function accessClaims(
  user: UserRow,
  session: SessionFacts,
  token: { readonly issuer: string; readonly issuedAt: number; readonly expiresAt: number },
): JsonObject {
  return {
    iss: token.issuer,
    sub: user.id,
    aud: user.aud || 'authenticated',
    exp: token.expiresAt,
    iat: token.issuedAt,
    email: user.email ?? '',
    phone: user.phone ?? '',
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role || 'authenticated',
    aal: session.aal,
    amr: session.amr,
    session_id: session.id,
    is_anonymous: user.is_anonymous,
  }
}
