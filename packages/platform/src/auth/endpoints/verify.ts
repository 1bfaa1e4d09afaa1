import { z } from 'zod'
import type { Transaction } from '../../database/index.ts'
import { AppError, newId } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { hashToken } from '../codes/code-secrets.ts'
import { mailTokenTypes, smsTokenTypes } from '../codes/purposes.ts'
import { type CodeProof, redeemCode } from '../codes/redeem-code.ts'
import { authErrors } from '../errors.ts'
import { applyProof } from '../flows/apply-proof.ts'
import { describeRefusal, fragmentOf } from '../flows/end-of-flow.ts'
import { withValues } from '../redirects/allowed-redirect.ts'
import {
  type AuthRequest,
  actorOfRequest,
  deviceOf,
  type Endpoint,
  noSooner,
  readBody,
  redirectOf,
} from '../request.ts'
import { type GrantedTokens, grantTokens, type SessionFacts } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { workOnAccounts } from '../store/account-transaction.ts'
import { issueAuthCode } from '../store/flow-states.ts'
import { openSession } from '../store/sessions.ts'
import { normaliseEmail } from '../users/normalise-email.ts'
import { normalisePhone } from '../users/normalise-phone.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalText } from './fields.ts'

const firstAccepted = 'Confirmation link accepted. Please proceed to confirm link sent to the other email'

/** What a transaction made of a proof; null when it fits nothing. */
type Redeemed =
  | Exclude<Verified, { tokens: GrantedTokens }>
  | { readonly user: UserRow; readonly facts: SessionFacts }

/** What came of a proof: a session, the first half of a PKCE flow, or the first of two confirmations. */
type Verified =
  | { readonly tokens: GrantedTokens }
  | { readonly authCode: string }
  | { readonly waiting: true }

const schema = z.object({
  type: optionalText,
  token: optionalText,
  token_hash: optionalText,
  email: optionalText,
  phone: optionalText,
})

/** `POST /verify`: a session for a code with its address, or for the token of a link. */
export const verifyCode: Endpoint = (auth) => async (c) => {
  const proof = readProof(await readBody(c, schema))
  await auth.limits.tryCode(c.var.clientAddress)
  const verified = await noSooner(() => verify(auth, c, proof, invalidCode))
  if ('waiting' in verified) return c.json({ msg: firstAccepted, code: '200' })
  if ('authCode' in verified) return c.json({ auth_code: verified.authCode })
  return c.json(verified.tokens)
}

/**
 * `GET /verify`: what the link of a mail opens. Ends at the address that the link names, with the session in the fragment,
 * a code in the query (PKCE) or what went wrong. Only GET redeems: programs that look at links with HEAD do not.
 */
export const followLink: Endpoint = (auth) => async (c) => {
  const token = c.req.query('token') ?? ''
  const type = c.req.query('type') ?? ''
  if (!token || !type) throw authErrors.validation_failed({ problem: 'Verify requires a token and a type' })
  if (!Object.hasOwn(mailTokenTypes, type)) {
    throw authErrors.validation_failed({ problem: 'Invalid email verification type' })
  }
  const target = redirectOf(auth, c)
  if (c.req.method === 'HEAD') return c.redirect(target, 303)
  await auth.limits.tryCode(c.var.clientAddress)
  try {
    return c.redirect(endOf(await verify(auth, c, { type, token }, invalidLink), target, type), 303)
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    return c.redirect(withValues(target, describeRefusal(error), 'both'), 303)
  }
}

function endOf(verified: Verified, target: string, type: string): string {
  if ('waiting' in verified) return withValues(target, { message: firstAccepted }, 'fragment')
  if ('authCode' in verified) return withValues(target, { code: verified.authCode }, 'query')
  return withValues(target, { ...fragmentOf(verified.tokens), type }, 'fragment')
}

const invalidCode = () => authErrors.otp_expired({ problem: 'Token has expired or is invalid' })
const invalidLink = () => authErrors.otp_expired({ problem: 'Email link is invalid or has expired' })

function readProof({ type, token, token_hash, email, phone }: z.output<typeof schema>): CodeProof {
  const refuse = (problem: string) => authErrors.validation_failed({ problem })
  if (!type) throw refuse('Verify requires a verification type')
  if (!Object.hasOwn(mailTokenTypes, type) && !Object.hasOwn(smsTokenTypes, type)) {
    throw refuse('Unsupported verification type')
  }
  if (token_hash) {
    if (token || email || phone) throw refuse('Only the token_hash and type should be provided')
    return { type, token: token_hash }
  }
  if (!token) throw refuse('Verify requires either a token or a token hash')
  const code = token.replaceAll(/[\s-]/g, '').slice(0, 100)
  if (email && phone) throw refuse('Only an email address or phone number should be provided on verify')
  if (email && Object.hasOwn(mailTokenTypes, type)) {
    const address = normaliseEmail(email)
    if (!address) throw refuse('Invalid email format')
    return { type, code, email: address }
  }
  if (phone && Object.hasOwn(smsTokenTypes, type)) {
    const number = normalisePhone(phone)
    if (!number) throw refuse('Invalid phone number format (E.164 required)')
    return { type, code, phone: number }
  }
  throw refuse('Only an email address or phone number should be provided on verify')
}

/** One transaction: the code is taken, the account changed, and the session or the PKCE code made; or nothing. */
async function verify(
  auth: AuthContext,
  c: AuthRequest,
  proof: CodeProof,
  refusal: () => Error,
): Promise<Verified> {
  const at = auth.clock.now()
  const redeem = async (transaction: Transaction): Promise<Redeemed | null> => {
    const token = await redeemCode(auth, transaction, proof)
    // Wrong codes are counted, so this transaction is committed before the refusal.
    if (!token || token.is_banned) return null
    if ((await applyProof(transaction, token, at)) === 'waiting') return { waiting: true }
    if (token.flow_state_id !== null) {
      const authCode = newId()
      const flow = await transaction.query(
        issueAuthCode(token.flow_state_id, token.id, hashToken(authCode), at),
      )
      if (flow.rowCount !== 1) throw authErrors.flow_state_not_found()
      return { authCode }
    }
    const { stored, facts } = startSession(auth, token.id, 'otp', deviceOf(c))
    const { rows } = await transaction.query<UserRow>(openSession(stored))
    if (!rows[0]) throw authErrors.user_banned()
    return { user: rows[0], facts }
  }
  const outcome = await workOnAccounts(auth.database, actorOfRequest(c), 'Error confirming user', redeem)
  if (!outcome) throw refusal()
  if ('user' in outcome) return { tokens: await grantTokens(auth, outcome.user, outcome.facts) }
  return outcome
}
