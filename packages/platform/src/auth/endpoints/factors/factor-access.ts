import { z } from 'zod'
import type { Transaction } from '../../../database/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import { endWeakSessions, type RaisedRow, raiseSession } from '../../factors/raise-session.ts'
import { type AuthRequest, actorOfRequest, requireSession } from '../../request.ts'
import { grantTokens } from '../../sessions/access-token.ts'
import { runAll, workOnAccounts } from '../../store/account-transaction.ts'
import { findFactors, lockUser, type StoredFactor } from '../../store/factors.ts'
import type { SignInMethod } from '../../store/sessions.ts'
import type { AccountRow } from '../../store/users.ts'

const uuid = z.guid()

/** Who works on their factors, with all of them locked. */
export interface FactorWork {
  readonly transaction: Transaction
  readonly user: AccountRow
  readonly sessionId: string
  readonly aal: 'aal1' | 'aal2'
  readonly factors: readonly StoredFactor[]
  readonly at: Date
}

/** Runs `work` in a transaction of the signed-in user's factors; one at a time for each user. */
export async function workOnFactors<T>(
  auth: AuthContext,
  c: AuthRequest,
  work: (given: FactorWork) => Promise<T>,
): Promise<T> {
  const signedIn = await requireSession(auth, c)
  if (signedIn.user.is_anonymous) {
    throw authErrors.validation_failed({ problem: 'Anonymous users have no second factor' })
  }
  return workOnAccounts(
    auth.database,
    actorOfRequest(c),
    'Database error working on factors',
    async (transaction) => {
      await transaction.query(lockUser(signedIn.user.id))
      const { rows } = await transaction.query<StoredFactor>(findFactors(signedIn.user.id))
      return work({ ...signedIn, transaction, factors: rows, at: auth.clock.now() })
    },
  )
}

/** The user's own factor that the path names. Fails with `validation_failed` or `mfa_factor_not_found`. */
export function factorOfPath(c: AuthRequest, factors: readonly StoredFactor[]): StoredFactor {
  const id = c.req.param('id') ?? ''
  if (!uuid.safeParse(id).success)
    throw authErrors.validation_failed({ problem: 'factor_id must be an UUID' })
  const found = factors.find((factor) => factor.id === id)
  if (!found) throw authErrors.mfa_factor_not_found()
  return found
}

export const isSecondFactor = ({ status, factor_type }: StoredFactor) =>
  status === 'verified' && factor_type !== 'recovery_code'

/** Raises the session to `aal2`, ends the user's weaker ones, and gives what its new tokens say. */
export async function raise(work: FactorWork, factorId: string, method: SignInMethod) {
  const { transaction, sessionId, user, at } = work
  const { statements, refreshToken } = raiseSession(sessionId, factorId, method, at)
  const result = await runAll(transaction, statements)
  const raised = result?.rows[0] as RaisedRow | undefined
  if (!raised) throw authErrors.session_not_found()
  await transaction.query(endWeakSessions(user.id))
  return { raised, facts: { id: sessionId, aal: 'aal2', amr: raised.amr, refreshToken } }
}

export type Raised = Awaited<ReturnType<typeof raise>>

export const grantRaised = (auth: AuthContext, { raised, facts }: Raised) => grantTokens(auth, raised, facts)
