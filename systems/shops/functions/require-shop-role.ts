import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import { shopErrors } from '../errors.ts'

export type TeamRole = 'Owner' | 'Admin' | 'Order Manager' | 'Support Agent'

/**
 * Lets a member of the shop pass who has one of the roles, and the service key, for what a handler then does as the service.
 * Fails with `unknown_shop` for strangers and `forbidden` for other members.
 */
export async function requireShopRole(db: ScopedDatabase, shop: string, ...roles: TeamRole[]): Promise<void> {
  if (db.caller.role === 'service_role') return
  const { may, knows } = await ask<{ may: boolean; knows: boolean }>(
    db,
    sql`select jsonb_build_object('may', ${shop} = any (private.my_shops(variadic ${roles}::public.team_role[])),
      'knows', ${shop} = any (private.my_shops())) as answer`,
    { readOnly: true },
  )
  if (!may) throw knows ? shopErrors.forbidden() : shopErrors.unknown_shop()
}
