import { z } from 'zod'
import type { Caller } from '../database/index.ts'
import { type Access, type AnyRoute, dataEnvelope, defineRoute } from '../routes/index.ts'
import type { Kv, KvScope } from './kv.ts'

const key = z.string().max(512)
const keys = z.array(key).max(1_000)
const scope = z.union([z.object({ tenant: z.string().min(1) }), z.literal('project')]).optional()
const ttlSeconds = z.number().positive().max(315_360_000).optional()
const value = z.json()

const reads: Access = { anyOf: ['user', { permission: 'kv:read' }] }
const writes: Access = { anyOf: ['user', { permission: 'kv:write' }] }

/** Without a scope: a key's tenant, else the user, else the project. */
function scopeOf({ claims, role }: Caller, given: z.output<typeof scope>): KvScope {
  if (given !== undefined) return given
  const { tenant } = (claims.key ?? {}) as { readonly tenant?: string | null }
  if (tenant) return { tenant }
  return role === 'authenticated' && typeof claims.sub === 'string' ? { user: claims.sub } : 'project'
}

/** What clients reach at `/kv/v1`: their own entries, and those that the policies of `plinth.kv` give them. */
export function kvRoutes(kvFor: (caller: Caller) => Kv): readonly AnyRoute[] {
  const operation = <Body extends z.ZodObject, Output extends z.ZodType>(
    name: string,
    summary: string,
    { access, body, output }: { access: Access; body: Body; output: Output },
    run: (kv: Kv, input: z.output<Body>) => Promise<z.input<Output>>,
  ): AnyRoute => {
    const input = body.extend({ scope })
    return defineRoute({
      method: 'POST',
      path: `/kv/v1/${name}`,
      summary,
      access,
      envelope: dataEnvelope,
      bodyLimit: 2 * 1024 * 1024,
      valueLimit: 20_000,
      body: input,
      responses: { 200: output },
      handle: async ({ caller }, { body: given }) =>
        (await run(
          kvFor(caller).of(scopeOf(caller, given.scope as z.output<typeof scope>)),
          given as z.output<Body>,
        )) as never,
    }) as AnyRoute
  }
  const options = (given: { ttlSeconds?: number | undefined }) =>
    given.ttlSeconds === undefined ? {} : { ttlSeconds: given.ttlSeconds }

  return [
    operation(
      'get',
      'Values in the order of their keys, null where there is none.',
      { access: reads, body: z.object({ keys }), output: z.array(value.nullable()) },
      (kv, given) => kv.mget(given.keys),
    ),
    operation(
      'entry',
      'A value with its version.',
      {
        access: reads,
        body: z.object({ key }),
        output: z.object({ value, version: z.number(), expiresAt: z.string().nullable() }).nullable(),
      },
      (kv, given) => kv.getEntry(given.key),
    ),
    operation(
      'prefix',
      'Every entry whose key begins with exactly this text.',
      { access: reads, body: z.object({ prefix: key }), output: z.array(z.object({ key, value })) },
      (kv, given) => kv.getByPrefix(given.prefix),
    ),
    operation(
      'set',
      'Stores values, all or none.',
      { access: writes, body: z.object({ entries: z.record(key, value), ttlSeconds }), output: z.null() },
      async (kv, given) => {
        await kv.mset(given.entries, options(given))
        return null
      },
    ),
    operation(
      'delete',
      'Removes entries and gives how many there were.',
      { access: writes, body: z.object({ keys }), output: z.number() },
      (kv, given) => kv.mdel(given.keys),
    ),
    operation(
      'compare-and-set',
      'Stores a value if the entry still has this version, 0 for none; gives the new version, or null.',
      {
        access: writes,
        body: z.object({ key, version: z.number().int().min(0), value, ttlSeconds }),
        output: z.number().nullable(),
      },
      (kv, given) => kv.compareAndSet(given.key, given.version, given.value, options(given)),
    ),
    operation(
      'increment',
      'Adds to a number in one step and gives the sum.',
      {
        access: writes,
        body: z.object({ key, by: z.number().default(1), ttlSeconds }),
        output: z.number(),
      },
      (kv, given) => kv.increment(given.key, given.by, options(given)),
    ),
  ]
}
