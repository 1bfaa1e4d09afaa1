import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { newId } from '../../../kernel/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import { type Endpoint, readBody, requireSession } from '../../request.ts'
import { runAll } from '../../store/account-transaction.ts'
import {
  countRecoveryCodes,
  deleteFactor,
  deleteRecoveryCodes,
  insertFactor,
  insertRecoveryCodes,
  type StoredFactor,
  useRecoveryCode,
} from '../../store/factors.ts'
import { type FactorWork, grantRaised, isSecondFactor, raise, workOnFactors } from './factor-access.ts'

/** Codes of one set, and bytes of each: 80 bits, sixteen characters. */
const codesOfSet = 10
const bytesOfCode = 10

const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
/** Lower-case letters and digits that nobody takes for one another, five bits each. */
const newRecoveryCode = () =>
  [
    ...BigInt(`0x${randomBytes(bytesOfCode).toString('hex')}`)
      .toString(32)
      .padStart(16, '0'),
  ]
    .map((digit) => alphabet[Number.parseInt(digit, 32)])
    .join('')

/** As it is stored, whatever case and separators a person types. */
const canonical = (code: string) => code.toLowerCase().replaceAll(/[\s-]/g, '')

const ownerOf = (userId: string) => ({ userId, tokenType: 'recovery_code', address: '' })

const requireSet = (factors: readonly StoredFactor[]): StoredFactor => {
  const found = factors.find(({ factor_type }) => factor_type === 'recovery_code')
  if (!found) throw authErrors.mfa_factor_not_found()
  return found
}

const requireAal2 = ({ aal }: FactorWork): void => {
  if (aal !== 'aal2') throw authErrors.insufficient_aal({ problem: 'AAL2 required for recovery codes' })
}

/** `GET /factors/recovery-codes`: how many there are and how many are unused; never the codes. */
export const recoveryCodesStatus: Endpoint = (auth) => async (c) => {
  const status = await workOnFactors(auth, c, async ({ factors, transaction }) => {
    const { id } = requireSet(factors)
    const { rows } = await transaction.query<{ total: number; remaining: number }>(countRecoveryCodes(id))
    return { id, type: 'recovery_code', ...rows[0]! }
  })
  return c.json(status)
}

const generateSchema = z.object({ friendly_name: z.string().max(100).nullish() })

/** `POST /factors/recovery-codes`: a set of codes, told once. Needs `aal2` and another verified factor. */
export const generateRecoveryCodes: Endpoint = (auth) => async (c) => {
  const hasBody = (await c.req.text()) !== ''
  const { friendly_name: name } = hasBody ? await readBody(c, generateSchema) : {}
  if (!auth.settings.mfaRecoveryCodesEnabled) throw authErrors.mfa_recovery_codes_enroll_not_enabled()
  const made = await workOnFactors(auth, c, async (work) => {
    if (!work.factors.some(isSecondFactor)) throw authErrors.mfa_recovery_codes_sole_factor()
    requireAal2(work)
    if (work.factors.some(({ factor_type }) => factor_type === 'recovery_code'))
      throw authErrors.mfa_verified_factor_exists()
    if (name && work.factors.some((factor) => factor.friendly_name === name))
      throw authErrors.mfa_factor_name_conflict()
    const id = newId()
    const { user, at } = work
    const factor = {
      id,
      userId: user.id,
      name: name ?? '',
      type: 'recovery_code',
      status: 'verified',
      at,
    } as const
    await work.transaction.query(insertFactor({ ...factor, secret: null, phone: null }))
    return fillSet(auth, work, id, name ?? '')
  })
  return c.json(made)
}

/** `POST /factors/recovery-codes/regenerate`: a new set in place of the old one. */
export const regenerateRecoveryCodes: Endpoint = (auth) => async (c) => {
  if (!auth.settings.mfaRecoveryCodesEnabled) throw authErrors.mfa_recovery_codes_enroll_not_enabled()
  const made = await workOnFactors(auth, c, async (work) => {
    const { id, friendly_name: name } = requireSet(work.factors)
    requireAal2(work)
    return fillSet(auth, work, id, name ?? '')
  })
  return c.json(made)
}

async function fillSet({ codes: secrets }: AuthContext, work: FactorWork, factorId: string, name: string) {
  const codes = Array.from({ length: codesOfSet }, newRecoveryCode)
  const stored = codes.map((code) => ({ id: newId(), mac: secrets.macOf(ownerOf(work.user.id), code) }))
  await runAll(work.transaction, [deleteRecoveryCodes(factorId), insertRecoveryCodes(factorId, stored)])
  return { id: factorId, type: 'recovery_code', friendly_name: name, total: codes.length, codes }
}

const verifySchema = z.object({ code: z.string().min(1).max(100) })

/** `POST /factors/recovery-codes/verify`: a code in place of the second factor; each is good once. */
export const verifyRecoveryCode: Endpoint = (auth) => async (c) => {
  const { code } = await readBody(c, verifySchema)
  const { user } = await requireSession(auth, c)
  const counted = `factor/${user.id}`
  await auth.limits.tryCode(c.var.clientAddress)
  await auth.limits.requireOpenAccount(counted)
  const outcome = await workOnFactors(auth, c, async (work) => {
    const { id } = requireSet(work.factors)
    const mac = auth.codes.macOf(ownerOf(work.user.id), canonical(code))
    const { rowCount } = await work.transaction.query(useRecoveryCode(id, mac, work.at))
    return rowCount === 1 ? raise(work, id, 'mfa/recovery_code') : undefined
  })
  if (!outcome) {
    await auth.limits.wrongPassword(counted)
    throw authErrors.mfa_verification_failed()
  }
  await auth.limits.rightPassword(counted)
  return c.json(await grantRaised(auth, outcome))
}

/** `DELETE /factors/recovery-codes`. */
export const removeRecoveryCodes: Endpoint = (auth) => async (c) => {
  const id = await workOnFactors(auth, c, async (work) => {
    const found = requireSet(work.factors)
    requireAal2(work)
    await work.transaction.query(deleteFactor(work.user.id, found.id))
    return found.id
  })
  return c.json({ id })
}
