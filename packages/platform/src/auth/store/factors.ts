import { type Statement, sql } from '../../database/index.ts'
import { type FactorRow, milliseconds } from '../users/user-row.ts'

/** A factor with what only the server may know of it. */
export interface StoredFactor
  extends Pick<FactorRow, 'id' | 'friendly_name' | 'factor_type' | 'status' | 'phone'> {
  readonly user_id: string
  readonly secret: string | null
  readonly last_step: string | null
}

const factorColumns = `id, user_id, friendly_name, factor_type, status, phone, secret, last_step::text`

export interface NewFactor {
  readonly id: string
  readonly userId: string
  readonly name: string | null
  readonly type: 'totp' | 'phone' | 'recovery_code'
  readonly status: 'unverified' | 'verified'
  readonly secret: string | null
  readonly phone: string | null
  readonly at: Date
}

/**
 * Adds a factor while the user has fewer than `most`; unverified ones that are older than a day go. The user's row is locked
 * before, so that two at once are counted.
 */
export const insertFactor = (factor: NewFactor): Statement => sql`
  insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, secret, phone, created_at, updated_at)
  values (${factor.id}, ${factor.userId}, ${factor.name}, ${factor.type}, ${factor.status}, ${factor.secret}, ${factor.phone},
    ${factor.at}, ${factor.at})`

export const lockUser = (userId: string): Statement =>
  sql`select id from auth.users where id = ${userId} for update`

export const dropOldFactors = (userId: string, at: Date): Statement => sql`
  delete from auth.mfa_factors
  where user_id = ${userId} and status = 'unverified' and created_at < ${at}::timestamptz - interval '1 day'`

/** Locked, so that of two answers at once one comes after the other. */
export const findFactors = (userId: string): Statement => ({
  name: 'auth_find_factors',
  text: `select ${factorColumns} from auth.mfa_factors where user_id = $1 order by created_at, id for update`,
  values: [userId],
})

export const deleteFactor = (userId: string, id: string): Statement =>
  sql`delete from auth.mfa_factors where user_id = ${userId} and id = ${id} returning id`

export const deleteUnverified = (userId: string, type: string): Statement => sql`
  delete from auth.mfa_factors where user_id = ${userId} and factor_type = ${type}::auth.factor_type and status = 'unverified'`

/** The factor is shown to be the user's, and its code is used up. */
export const acceptFactor = (id: string, step: number | null, at: Date): Statement => sql`
  update auth.mfa_factors set status = 'verified', last_step = coalesce(${step}, last_step), updated_at = ${at} where id = ${id}`

export interface NewChallenge {
  readonly id: string
  readonly factorId: string
  readonly codeMac: string | null
  readonly address: string
  readonly at: Date
}

/** Puts a question to a factor; those that are over are forgotten. */
export const insertChallenge = (challenge: NewChallenge): Statement => sql`
  with old as (
    delete from auth.mfa_challenges
    where factor_id = ${challenge.factorId} and created_at < ${challenge.at}::timestamptz - interval '1 hour'
  ), asked as (
    update auth.mfa_factors set last_challenged_at = ${challenge.at} where id = ${challenge.factorId}
  )
  insert into auth.mfa_challenges (id, factor_id, created_at, ip_address, otp_code)
  values (${challenge.id}, ${challenge.factorId}, ${challenge.at}, ${challenge.address}, ${challenge.codeMac})`

export interface ChallengeRow {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly created_at: number
  readonly verified_at: string | null
  readonly otp_code: string | null
  readonly failures: number
}

export const findChallenge = (factorId: string, id: string): Statement => ({
  text: `select id, ${milliseconds('created_at')} as created_at, verified_at, otp_code, failures from auth.mfa_challenges
    where factor_id = $1 and id = $2 for update`,
  values: [factorId, id],
})

export const answerChallenge = (id: string, at: Date): Statement =>
  sql`update auth.mfa_challenges set verified_at = ${at} where id = ${id}`

export const countWrongAnswer = (id: string): Statement =>
  sql`update auth.mfa_challenges set failures = failures + 1 where id = ${id}`

export const insertRecoveryCodes = (
  factorId: string,
  codes: readonly { readonly id: string; readonly mac: string }[],
): Statement => ({
  text: `insert into auth.mfa_recovery_codes (id, factor_id, code_mac)
    select c.id, $1, c.mac from unnest($2::uuid[], $3::text[]) as c (id, mac)`,
  values: [factorId, codes.map(({ id }) => id), codes.map(({ mac }) => mac)],
})

export const deleteRecoveryCodes = (factorId: string): Statement =>
  sql`delete from auth.mfa_recovery_codes where factor_id = ${factorId}`

export const countRecoveryCodes = (factorId: string): Statement => sql`
  select count(*)::int as total, count(*) filter (where used_at is null)::int as remaining
  from auth.mfa_recovery_codes where factor_id = ${factorId}`

/** Gives a row to the first who shows the code. */
export const useRecoveryCode = (factorId: string, mac: string, at: Date): Statement => sql`
  update auth.mfa_recovery_codes set used_at = ${at}
  where factor_id = ${factorId} and code_mac = ${mac} and used_at is null returning id`
