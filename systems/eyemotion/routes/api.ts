import { ask, type Statement, sql } from '@plinth/platform/database'
import type { Access, BaseRouteContext } from '@plinth/platform/routes'
import { z } from 'zod'
import { eyemotionErrors } from '../errors.ts'

/** Where the requirement puts every route; each answers below `/functions/v1` as well. */
export const base = '/make-server-7dc8476e'

export const ofId = z.object({ id: z.uuid() })
export const anyObject = z.record(z.string(), z.json())
/** A page of a list. */
export const pageQuery = z.object({
  page: z.coerce.number().int().min(1).max(100_000).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(50),
})

/** A signed-in user, or an API key of a user with the permission. */
export const userOr = (permission: string): Access => ({ anyOf: ['user', { permission }] })

/** Who acts. Fails with `user_required` for keys that act for nobody. */
export function requireUser({ userId }: Pick<BaseRouteContext, 'userId'>): string {
  if (userId === null) throw eyemotionErrors.user_required()
  return userId
}

/** Where a request comes from, as activity_logs keeps it. */
export const originOf = ({ clientAddress, request, caller }: BaseRouteContext) =>
  JSON.stringify({
    ip: clientAddress,
    agent: request.headers.get('user-agent'),
    session: caller.claims.session_id ?? null,
  })

/** Runs a statement of the system's own SQL that selects one value as `answer`; who may ask for it is checked there. */
export const run = <Answer>(
  { asService }: Pick<BaseRouteContext, 'asService'>,
  statement: Statement,
): Promise<Answer> => ask<Answer>(asService('rules are in the system’s SQL'), statement)

/** Notes what was done, by whom and from where (E-X4). `user`: who did it, where nobody was signed in. */
export async function note(
  context: BaseRouteContext,
  action: string,
  about: {
    readonly type?: string
    readonly id?: string
    readonly details?: object
    readonly user?: string
  } = {},
): Promise<void> {
  const { type = null, id = null, details = {}, user = context.userId } = about
  await run(
    context,
    sql`select private.log_activity(${user}, ${action}, ${type}, ${id}, ${JSON.stringify(details)}, ${originOf(context)},
      ${context.clock.now()})::text as answer`,
  )
}

/** Refuses while a flag is off (E-N2). */
export async function requireFlag(
  flags: { isOn(name: string): Promise<boolean> },
  feature: string,
): Promise<void> {
  if (!(await flags.isOn(feature))) throw eyemotionErrors.feature_off({ feature })
}
