import { z } from 'zod'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import { type AuthRequest, requireAdmin } from '../../request.ts'
import { type AccountRow, findUser } from '../../store/users.ts'

const uuid = z.guid()

/** The account that the path names. Fails with `not_admin`, `validation_failed` or `user_not_found`. */
export async function requireUserOfPath(
  { database, clock }: AuthContext,
  c: AuthRequest,
): Promise<AccountRow> {
  requireAdmin(c)
  const id = c.req.param('id') ?? ''
  if (!uuid.safeParse(id).success) throw authErrors.validation_failed({ problem: 'user_id must be an UUID' })
  const { rows } = await database.asOwner<AccountRow>(findUser(id, clock.now()))
  if (!rows[0]) throw authErrors.user_not_found()
  return rows[0]
}
