import { z } from 'zod'
import { authErrors } from '../../errors.ts'
import { lowerSessions } from '../../factors/raise-session.ts'
import { actorOfRequest, type Endpoint } from '../../request.ts'
import { accountTransaction } from '../../store/account-transaction.ts'
import { deleteFactor } from '../../store/factors.ts'
import { toFactorJson } from '../../users/user-json.ts'
import { audit } from './audit.ts'
import { requireUserOfPath } from './user-id.ts'

/** `GET /admin/users/:id/factors`. */
export const listFactors: Endpoint = (auth) => async (c) =>
  c.json((await requireUserOfPath(auth, c)).factors.map(toFactorJson))

/** `DELETE /admin/users/:id/factors/:factor`: for a user who has lost theirs. With the last one their sessions are `aal1`. */
export const deleteUserFactor: Endpoint = (auth) => async (c) => {
  const user = await requireUserOfPath(auth, c)
  const id = c.req.param('factor') ?? ''
  if (!z.guid().safeParse(id).success)
    throw authErrors.validation_failed({ problem: 'factor_id must be an UUID' })
  if (!user.factors.some((factor) => factor.id === id)) throw authErrors.mfa_factor_not_found()
  const left = user.factors.filter((factor) => factor.id !== id)
  const isLast = !left.some(
    ({ status, factor_type }) => status === 'verified' && factor_type !== 'recovery_code',
  )
  const codes = isLast ? left.filter(({ factor_type }) => factor_type === 'recovery_code') : []
  const statements = [
    deleteFactor(user.id, id),
    ...codes.map((factor) => deleteFactor(user.id, factor.id)),
    ...(isLast ? [lowerSessions(user.id)] : []),
    audit(c, auth.clock.now(), 'factor_deleted', user.id, { factor_id: id }),
  ]
  await accountTransaction(
    auth.database,
    actorOfRequest(c),
    'Database error deleting factor',
    statements,
    () => undefined,
  )
  return c.json({ id })
}
