import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineRoute } from '../uses.ts'
import { anyObject, base, note, pageQuery, requireUser, run, userOr } from './api.ts'

export const showCredits = defineRoute({
  method: 'GET',
  path: `${base}/credits`,
  summary: 'What the user can burn, and the lots in the order in which they are burned.',
  access: userOr('credits:read'),
  responses: { 200: anyObject },
  handle: (ctx) =>
    run<z.output<typeof anyObject>>(
      ctx,
      sql`select private.credits_of(${requireUser(ctx)}, ${ctx.clock.now()}) as answer`,
    ),
})

export const creditsUsage = defineRoute({
  method: 'GET',
  path: `${base}/credits/usage`,
  summary: 'What burned the user’s credits, the latest first, with the lots that each burn cites.',
  access: userOr('credits:read'),
  query: pageQuery,
  responses: { 200: z.object({ usage: z.array(anyObject), page: z.int(), limit: z.int(), total: z.int() }) },
  handle: async (ctx, { query: { page, limit } }) => {
    const user = requireUser(ctx)
    const found = await run<{ usage: z.output<typeof anyObject>[]; total: number }>(
      ctx,
      sql`select jsonb_build_object(
          'usage', (select coalesce(jsonb_agg(to_jsonb(u) - 'user_id' order by u.created_at desc, u.id), '[]') from (
            select * from public.credits_usage where user_id = ${user} order by created_at desc, id limit ${limit} offset ${(page - 1) * limit}) u),
          'total', (select count(*) from public.credits_usage where user_id = ${user})) as answer`,
    )
    return { ...found, page, limit }
  },
})

const used = z.object({ used: anyObject, credits: anyObject })

/** Features that cost credits and are not uploads. */
export const useCredits = defineRoute({
  method: 'POST',
  path: `${base}/credits/use`,
  summary: 'Burns credits of the user for something, once per key.',
  access: userOr('credits:use'),
  body: z.object({
    key: z.string().trim().min(1).max(200),
    credits: z.int().min(1).max(1_000_000),
    action: z.string().trim().min(1).max(100),
    resourceType: z.string().max(100).optional(),
    resourceId: z.string().max(200).optional(),
    details: anyObject.default({}),
  }),
  responses: { 200: used },
  handle: async (ctx, { body: { key, credits, action, resourceType, resourceId, details } }) => {
    const user = requireUser(ctx)
    const now = ctx.clock.now()
    const answer = await run<z.output<typeof used>>(
      ctx,
      sql`select private.use_credits(${user}, ${key}, ${credits}, ${action}, ${resourceType ?? null}, ${resourceId ?? null},
        ${JSON.stringify(details)}, ${now}) as answer`,
    )
    await note(ctx, 'credits.use', {
      type: resourceType ?? 'credits',
      id: resourceId ?? key,
      details: { credits, action },
    })
    return answer
  },
})

const usage = z.object({
  storage: z.object({
    usedBytes: z.number(),
    limitBytes: z.number(),
    availableBytes: z.number(),
    graceUntil: z.string().nullable(),
  }),
  served: z.object({ bytes: z.number(), requests: z.number() }),
  credits: anyObject,
  projects: z.int(),
  files: z.int(),
})

/** E-X9, E-X6, E-M1 */
export const showUsage = defineRoute({
  method: 'GET',
  path: `${base}/usage`,
  summary: 'Room, bytes served this month, credits, projects and files of the user.',
  access: userOr('credits:read'),
  responses: { 200: usage },
  handle: async (ctx) =>
    run<z.output<typeof usage>>(
      ctx,
      sql`select private.usage_of(${requireUser(ctx)}, ${ctx.clock.now()}) as answer`,
    ),
})
