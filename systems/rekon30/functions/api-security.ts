import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { rekon30Errors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

const known = z.object({
  valid: z.literal(true),
  key_name: z.string(),
  business_id: z.uuid().nullable(),
  permissions: z.array(z.string()),
  /** Whether the key has the permission that was asked for; null when none was. */
  allowed: z.boolean().nullable(),
  rate_limit: z.number(),
  /** Calls since the last full hour, this one not included. */
  calls_this_hour: z.number(),
  expires_at: z.string().nullable(),
})

/** True for whoever sent a key; fails otherwise, so that a client without one learns what is missing. */
function hasKey({
  caller,
}: {
  readonly caller: { readonly claims: Readonly<Record<string, unknown>> }
}): boolean {
  if (!('key' in caller.claims)) throw rekon30Errors.api_key_required()
  return true
}

/**
 * Tells the holder of an API key what it may do (R-F6). The platform has checked the key, counted the call against its limit
 * and will log it, before this runs: unknown and expired ones are 401, one over its limit is 429.
 */
export const apiSecurity = defineFunction({
  name: 'api-security',
  summary: 'Checks an API key, a permission of it, and how much it was used.',
  access: hasKey,
  input: z.object({ permission: z.string().max(100).optional() }),
  output: known,
  handle: ({ caller, asService }, { permission }) => {
    // The service key passes every access rule, and is no API key.
    hasKey({ caller })
    const { id } = (caller.claims as { readonly key: { readonly id: string } }).key
    return ask<z.output<typeof known>>(
      asService('tells a key what it may do'),
      sql`select private.describe_key(${id}, ${permission ?? null}) as answer`,
      { readOnly: true },
    )
  },
})
