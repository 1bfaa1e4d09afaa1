import { type Statement, sql } from '../../../database/index.ts'
import { type JsonObject, newId } from '../../../kernel/index.ts'
import type { AuthRequest } from '../../request.ts'

/** What administrators do to accounts; GoTrue's names where it has one. */
export type AdminAction =
  | 'user_signedup'
  | 'user_invited'
  | 'user_modified'
  | 'user_deleted'
  | 'link_generated'
  | 'factor_deleted'
  | 'logout'

/** Notes an act of an administrator, in the transaction of the act. `actor`: the role that acts, where it is not the caller's. */
export const audit = (
  c: AuthRequest,
  at: Date,
  action: AdminAction,
  userId: string,
  traits: JsonObject = {},
  actor: string = c.var.caller.role,
): Statement => {
  const payload = {
    action,
    actor_username: actor,
    log_type: 'user',
    traits: { user_id: userId, request_id: c.var.requestId, ...traits },
  }
  return sql`
    insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address)
    values ('00000000-0000-0000-0000-000000000000', ${newId()}, ${JSON.stringify(payload)}, ${at}, ${c.var.clientAddress.slice(0, 64)})`
}
