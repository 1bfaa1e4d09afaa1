import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { hashToken } from '../codes/code-secrets.ts'
import { authErrors } from '../errors.ts'
import { actorOfRequest, deviceOf, type Endpoint, readBody } from '../request.ts'
import { grantTokens } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { workOnAccounts } from '../store/account-transaction.ts'
import { type FlowRow, takeFlowByCode } from '../store/flow-states.ts'
import { openSession } from '../store/sessions.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalText } from './fields.ts'

const schema = z.object({ auth_code: optionalText, code_verifier: optionalText })

/** How long an authorisation code is good, in milliseconds. */
const goodFor = 300_000

/**
 * `POST /token?grant_type=pkce`: a session for the code of a flow, with the verifier that only the client which began it
 * has. A code is taken by the first who shows it, right verifier or not.
 */
export const exchangeCode: Endpoint = (auth) => async (c) => {
  const { auth_code: code, code_verifier: verifier } = await readBody(c, schema)
  if (!code || !verifier) {
    throw authErrors.validation_failed({
      problem: 'invalid request: both auth code and code verifier should be non-empty',
    })
  }
  await auth.limits.tryCode(c.var.clientAddress)
  const { rows } = await auth.database.asOwner<FlowRow>(takeFlowByCode(hashToken(code)))
  const flow = rows[0]
  if (!flow?.user_id || !flow.auth_code_issued_at) throw authErrors.flow_state_not_found()
  if (flow.auth_code_issued_at + goodFor <= auth.clock.now().getTime()) throw authErrors.flow_state_expired()
  if (!fits(flow, verifier)) throw authErrors.bad_code_verifier()
  const { stored, facts } = startSession(auth, flow.user_id, flow.authentication_method, deviceOf(c))
  const actor = actorOfRequest(c, flow.user_id)
  const user = await workOnAccounts(
    auth.database,
    actor,
    'Database error granting user',
    async (transaction) => {
      const opened = await transaction.query<UserRow>(openSession(stored))
      if (!opened.rows[0]) throw authErrors.user_banned()
      return opened.rows[0]
    },
  )
  return c.json({
    ...(await grantTokens(auth, user, facts)),
    ...(flow.provider_access_token ? { provider_token: flow.provider_access_token } : {}),
    ...(flow.provider_refresh_token ? { provider_refresh_token: flow.provider_refresh_token } : {}),
  })
}

function fits(
  { code_challenge: challenge, code_challenge_method: method }: FlowRow,
  verifier: string,
): boolean {
  if (challenge === null || verifier.length > 128) return false
  const shown = method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url')
  const [a, b] = [Buffer.from(shown), Buffer.from(challenge)]
  return a.length === b.length && timingSafeEqual(a, b)
}
