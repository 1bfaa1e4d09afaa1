import type { JsonObject, Log } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { explainFailure } from '../store/account-transaction.ts'
import { type RotationOutcome, type RotationRow, rotateRefreshToken } from '../store/sessions.ts'
import { grantTokens } from './access-token.ts'
import { deriveChild, hashRefreshToken, newDerivationKey } from './refresh-token.ts'

const refusals: Record<Exclude<RotationOutcome, 'rotated' | 'repeated'>, () => Error> = {
  reused: authErrors.refresh_token_already_used,
  banned: authErrors.user_banned,
  expired: authErrors.session_expired,
  unknown: authErrors.refresh_token_not_found,
}

/**
 * Exchanges a refresh token for the next one and a new access token. The parent of the valid token gets the valid
 * token again for `securityRefreshTokenReuseInterval`, because tabs of one browser refresh at the same moment; any other used
 * token ends the session (`refresh_token_already_used`).
 */
export async function refreshSession(auth: AuthContext, presented: string, log: Log): Promise<JsonObject> {
  const childKey = newDerivationKey()
  const { rows } = await auth.database
    .asOwner<RotationRow>(
      rotateRefreshToken({
        presentedHash: hashRefreshToken(presented),
        childHash: hashRefreshToken(deriveChild(presented, childKey)),
        childKey,
        at: auth.clock.now(),
        graceSeconds: auth.settings.securityRefreshTokenReuseInterval,
        timeboxSeconds: auth.settings.sessionsTimebox,
        inactivitySeconds: auth.settings.sessionsInactivityTimeout,
      }),
    )
    .catch((error: unknown) => {
      throw explainFailure(error, 'Database error granting user')
    })
  const row = rows[0]!
  if (row.outcome !== 'rotated' && row.outcome !== 'repeated') {
    if (row.outcome === 'reused') log.warn({ session: row.session_id }, 'a used refresh token came back')
    throw refusals[row.outcome]()
  }
  return grantTokens(auth, row, {
    id: row.session_id,
    aal: row.aal,
    amr: row.amr ?? [],
    refreshToken: deriveChild(presented, row.derivation_key),
  })
}
