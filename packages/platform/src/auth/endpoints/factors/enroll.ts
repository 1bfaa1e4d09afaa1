import { z } from 'zod'
import { newId, seal } from '../../../kernel/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import { newTotp } from '../../factors/totp.ts'
import { type Endpoint, readBody } from '../../request.ts'
import { runAll } from '../../store/account-transaction.ts'
import { deleteFactor, dropOldFactors, insertFactor, type NewFactor } from '../../store/factors.ts'
import { requirePhone } from '../../users/normalise-phone.ts'
import { optionalText } from '../fields.ts'
import { type FactorWork, isSecondFactor, workOnFactors } from './factor-access.ts'

const schema = z.object({
  factor_type: z.enum(['totp', 'phone', 'webauthn'], { error: 'needs to be totp, phone, or webauthn' }),
  friendly_name: z.string().max(100).nullish(),
  issuer: z.string().max(200).nullish(),
  phone: optionalText,
})
type Enrolment = z.output<typeof schema>

/** `POST /factors`: adds an authenticator app or a phone, which counts once it has answered a challenge. */
export const enrollFactor: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, schema)
  requireEnabled(auth, body)
  const enrolled = await workOnFactors(auth, c, async (work) => {
    const type = body.factor_type === 'phone' ? 'phone' : 'totp'
    return type === 'totp' ? enrollTotp(auth, work, body) : enrollPhone(auth, work, body)
  })
  return c.json(enrolled)
}

function requireEnabled({ settings }: AuthContext, { factor_type: type }: Enrolment): void {
  if (type === 'webauthn') throw authErrors.mfa_webauthn_enroll_not_enabled()
  if (type === 'totp' && !settings.mfaTotpEnrollEnabled) throw authErrors.mfa_totp_enroll_not_enabled()
  if (type === 'phone' && !settings.mfaPhoneEnrollEnabled) throw authErrors.mfa_phone_enroll_not_enabled()
}

async function enrollTotp(auth: AuthContext, work: FactorWork, body: Enrolment) {
  const issuer = body.issuer || new URL(auth.settings.siteUrl).host || 'Plinth'
  const totp = newTotp(issuer, work.user.email || work.user.phone || work.user.id)
  const id = newId()
  const secret = seal(auth.deriveKey('auth/totp'), totp.secret, id).toString('base64')
  await store(auth, work, body, { id, type: 'totp', secret, phone: null })
  return {
    id,
    type: 'totp',
    friendly_name: body.friendly_name ?? '',
    totp: { qr_code: totp.qrCode, secret: totp.secret, uri: totp.uri },
  }
}

async function enrollPhone(auth: AuthContext, work: FactorWork, body: Enrolment) {
  const phone = requirePhone(body.phone ?? '')
  const same = work.factors.filter((factor) => factor.phone === phone)
  if (same.some(({ status }) => status === 'verified')) throw authErrors.mfa_verified_factor_exists()
  await runAll(
    work.transaction,
    same.map((factor) => deleteFactor(work.user.id, factor.id)),
  )
  const id = newId()
  await store(auth, work, body, { id, type: 'phone', secret: null, phone })
  return { id, type: 'phone', friendly_name: body.friendly_name ?? '', phone: body.phone }
}

/** Fails with `too_many_enrolled_mfa_factors`, `mfa_factor_name_conflict` or `insufficient_aal`. */
async function store(
  { settings }: AuthContext,
  work: FactorWork,
  { friendly_name: name }: Enrolment,
  factor: Pick<NewFactor, 'id' | 'type' | 'secret' | 'phone'>,
): Promise<void> {
  const { factors, user, at, aal, transaction } = work
  if (factors.length >= settings.mfaMaxEnrolledFactors) throw authErrors.too_many_enrolled_mfa_factors()
  if (name && factors.some((other) => other.friendly_name === name))
    throw authErrors.mfa_factor_name_conflict()
  if (aal !== 'aal2' && factors.some(isSecondFactor))
    throw authErrors.insufficient_aal({ problem: 'AAL2 required to enroll a new factor' })
  const added = { ...factor, userId: user.id, name: name ?? '', status: 'unverified' as const, at }
  await runAll(transaction, [dropOldFactors(user.id, at), insertFactor(added)])
}
