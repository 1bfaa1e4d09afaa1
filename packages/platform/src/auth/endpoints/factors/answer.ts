import { z } from 'zod'
import { newId, unseal } from '../../../kernel/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { newCode } from '../../codes/code-secrets.ts'
import { codeText } from '../../codes/prepare-code.ts'
import { authErrors } from '../../errors.ts'
import { lowerSessions } from '../../factors/raise-session.ts'
import { stepOfCode } from '../../factors/totp.ts'
import { type Endpoint, readBody, requireSession } from '../../request.ts'
import { inetOf } from '../../sessions/start-session.ts'
import { runAll } from '../../store/account-transaction.ts'
import {
  acceptFactor,
  answerChallenge,
  type ChallengeRow,
  countWrongAnswer,
  deleteFactor,
  deleteUnverified,
  findChallenge,
  insertChallenge,
  type StoredFactor,
} from '../../store/factors.ts'
import { requireSms } from '../remind-account.ts'
import {
  type FactorWork,
  factorOfPath,
  grantRaised,
  isSecondFactor,
  raise,
  workOnFactors,
} from './factor-access.ts'

/** Wrong answers after which a challenge is over. */
const mostFailures = 5

/** `POST /factors/:id/challenge`: puts a question to a factor; a phone gets its code. */
export const challengeFactor: Endpoint = (auth) => async (c) => {
  await auth.limits.tryCode(c.var.clientAddress)
  const { id, type, at } = await workOnFactors(auth, c, async (work) => {
    const factor = factorOfPath(c, work.factors)
    if (factor.factor_type === 'recovery_code') throw authErrors.mfa_factor_not_found()
    requireEnabled(auth, factor)
    const challenge = newId()
    const code = factor.factor_type === 'phone' ? await reserveSms(auth, factor) : null
    await work.transaction.query(
      insertChallenge({
        id: challenge,
        factorId: factor.id,
        codeMac: code === null ? null : auth.codes.macOf(ownerOf(work, factor, challenge), code),
        address: inetOf(c.var.clientAddress) ?? '0.0.0.0',
        at: work.at,
      }),
    )
    const { settings, outbox } = auth
    const phone = factor.phone ?? ''
    if (code !== null && settings.smsTestOtp[phone] === undefined)
      await work.transaction.query(outbox.sms({ to: phone, text: codeText(settings, code) }))
    return { id: challenge, type: factor.factor_type, at: work.at }
  })
  const expires_at = Math.floor(at.getTime() / 1000) + auth.settings.mfaChallengeExpiry
  return c.json({ id, type, expires_at })
}

async function reserveSms(
  { limits, outbox, settings }: AuthContext,
  { phone }: StoredFactor,
): Promise<string> {
  requireSms(outbox)
  await limits.sendSms(phone ?? '')
  return settings.smsTestOtp[phone ?? ''] ?? newCode(settings.smsOtpLength)
}

const ownerOf = (work: FactorWork, factor: StoredFactor, challenge: string) => ({
  userId: work.user.id,
  tokenType: `factor/${challenge}`,
  address: factor.phone ?? '',
})

const schema = z.object({
  challenge_id: z.guid(),
  code: z.string().min(1, { error: 'Code needs to be non-empty' }).max(100),
})

/**
 * `POST /factors/:id/verify`: the answer to a challenge. The session becomes `aal2` and gets new tokens; a factor that
 * answers for the first time is verified. Weaker sessions of the user end.
 */
export const verifyFactor: Endpoint = (auth) => async (c) => {
  const { challenge_id: challengeId, code } = await readBody(c, schema)
  const { user } = await requireSession(auth, c)
  const counted = `factor/${user.id}`
  await auth.limits.tryCode(c.var.clientAddress)
  await auth.limits.requireOpenAccount(counted)
  const outcome = await workOnFactors(auth, c, async (work) => {
    const factor = factorOfPath(c, work.factors)
    requireEnabled(auth, factor)
    const { rows } = await work.transaction.query<ChallengeRow>(findChallenge(factor.id, challengeId))
    const challenge = rows[0]
    if (!challenge || isOver(auth, challenge, work.at)) return 'expired'
    const step = answerOf(auth, work, factor, challenge, code)
    if (step === undefined) {
      // Committed, so that guesses are counted.
      await work.transaction.query(countWrongAnswer(challenge.id))
      return 'wrong'
    }
    await runAll(work.transaction, [
      answerChallenge(challenge.id, work.at),
      acceptFactor(factor.id, step, work.at),
      deleteUnverified(work.user.id, factor.factor_type),
    ])
    return raise(work, factor.id, factor.factor_type === 'phone' ? 'mfa/phone' : 'totp')
  })
  if (outcome === 'expired') throw authErrors.mfa_challenge_expired()
  if (outcome === 'wrong') {
    await auth.limits.wrongPassword(counted)
    throw authErrors.mfa_verification_failed()
  }
  await auth.limits.rightPassword(counted)
  return c.json(await grantRaised(auth, outcome))
}

const isOver = ({ settings }: AuthContext, { created_at, verified_at, failures }: ChallengeRow, at: Date) =>
  verified_at !== null ||
  failures >= mostFailures ||
  created_at + settings.mfaChallengeExpiry * 1000 <= at.getTime()

/** The time step of a right TOTP code, null for a right SMS code, undefined for a wrong one. */
function answerOf(
  auth: AuthContext,
  work: FactorWork,
  factor: StoredFactor,
  challenge: ChallengeRow,
  code: string,
): number | null | undefined {
  if (factor.factor_type === 'phone') {
    return auth.codes.matches(challenge.otp_code, ownerOf(work, factor, challenge.id), code)
      ? null
      : undefined
  }
  const sealed = Buffer.from(factor.secret ?? '', 'base64')
  const secret = unseal(auth.deriveKey('auth/totp'), sealed, factor.id).toString()
  return stepOfCode(secret, code, work.at, factor.last_step === null ? null : Number(factor.last_step))
}

function requireEnabled({ settings }: AuthContext, { factor_type: type }: StoredFactor): void {
  if (type === 'totp' && !settings.mfaTotpVerifyEnabled) throw authErrors.mfa_totp_verify_not_enabled()
  if (type === 'phone' && !settings.mfaPhoneVerifyEnabled) throw authErrors.mfa_phone_verify_not_enabled()
}

/** `DELETE /factors/:id`: removes a factor; a verified one needs a session at `aal2`. */
export const unenrollFactor: Endpoint = (auth) => async (c) => {
  const id = await workOnFactors(auth, c, async (work) => {
    const factor = factorOfPath(c, work.factors)
    if (factor.factor_type === 'recovery_code') {
      const problem =
        'Recovery codes cannot be unenrolled with this endpoint, use DELETE /factors/recovery-codes'
      throw authErrors.validation_failed({ problem })
    }
    if (factor.status === 'verified' && work.aal !== 'aal2')
      throw authErrors.insufficient_aal({ problem: 'AAL2 required to unenroll verified factor' })
    const others = work.factors.filter((other) => other.id !== factor.id)
    const isLast = factor.status === 'verified' && !others.some(isSecondFactor)
    if (isLast && others.some(({ factor_type }) => factor_type === 'recovery_code'))
      throw authErrors.mfa_recovery_codes_sole_factor()
    await runAll(work.transaction, [
      deleteFactor(work.user.id, factor.id),
      ...(isLast ? [lowerSessions(work.user.id)] : []),
    ])
    return factor.id
  })
  return c.json({ id })
}
