import pg from 'pg'
import { z } from 'zod'
import { AppError } from '../../../kernel/index.ts'
import { authErrors } from '../../errors.ts'
import { actorOfRequest, type Endpoint, readBody } from '../../request.ts'
import { accountTransaction } from '../../store/account-transaction.ts'
import { deleteUser, softDeleteUser } from '../../store/users.ts'
import { optionalFlag } from '../fields.ts'
import { audit } from './audit.ts'
import { requireUserOfPath } from './user-id.ts'

const schema = z.object({ should_soft_delete: optionalFlag })

/**
 * `DELETE /admin/users/:id`: sessions and identities go with the account, and the foreign keys of the system decide
 * about its rows. Fails with `conflict`, naming the table, when one of them holds on to the user. With
 * `should_soft_delete` the row stays without anything personal in it.
 */
export const deleteUserById: Endpoint = (auth) => async (c) => {
  const { id } = await requireUserOfPath(auth, c)
  const hasBody = (await c.req.text()) !== ''
  const { should_soft_delete: soft } = hasBody ? await readBody(c, schema) : {}
  const at = auth.clock.now()
  const statements = [
    soft ? softDeleteUser(id, at) : deleteUser(id),
    audit(c, at, 'user_deleted', id, { soft: soft ?? false }),
  ]
  const failure = 'Database error deleting user'
  await accountTransaction(auth.database, actorOfRequest(c), failure, statements, () => undefined).catch(
    (error: unknown) => {
      throw explainBlockedDeletion(error)
    },
  )
  return c.json({})
}

const foreignKeyViolation = '23503'

function explainBlockedDeletion(error: unknown): unknown {
  const cause = error instanceof AppError ? error.cause : undefined
  if (!(cause instanceof pg.DatabaseError) || cause.code !== foreignKeyViolation) return error
  const problem = `User cannot be deleted: ${cause.schema}.${cause.table} still refers to it (${cause.constraint})`
  return authErrors.conflict({ problem }, cause)
}
