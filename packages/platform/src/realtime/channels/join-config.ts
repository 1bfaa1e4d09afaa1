import { z } from 'zod'
import type { JsonObject } from '../../kernel/index.ts'
import type { BindingRequest } from '../changes/bindings.ts'
import type { WatchRequest } from '../changes/watch-view.ts'
import { realtimeErrors } from '../errors.ts'

const name = z.string().min(1).max(128)
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined)

const binding = z.object({
  event: z.enum(['*', 'INSERT', 'UPDATE', 'DELETE']),
  schema: optional(name),
  table: optional(name),
  filter: optional(z.string()),
  select: optional(z.array(name).min(1).max(200)),
})

const joinPayload = z.object({
  config: z
    .object({
      broadcast: optional(
        z.object({
          ack: z.boolean().nullish(),
          self: z.boolean().nullish(),
          replay: optional(z.object({ since: z.number(), limit: z.number().int().min(1).max(25).nullish() })),
        }),
      ),
      presence: optional(z.object({ key: z.string().max(256).nullish(), enabled: z.boolean().nullish() })),
      postgres_changes: optional(z.array(binding)),
      private: z.boolean().nullish(),
    })
    .nullish(),
  access_token: z.string().nullish(),
  plinth: optional(
    z.object({
      watch: z.object({
        schema: name.default('public'),
        table: name,
        filter: optional(z.string()),
        columns: optional(z.array(name).min(1).max(200)),
      }),
      resume: optional(z.string().max(200)),
    }),
  ),
})

/** What a client asks for when it joins. */
export interface JoinConfig {
  readonly accessToken: string | undefined
  readonly isPrivate: boolean
  readonly broadcast: {
    readonly ack: boolean
    readonly self: boolean
    readonly replay: { readonly since: number; readonly limit: number } | undefined
  }
  readonly presence: { readonly key: string | undefined; readonly enabled: boolean }
  readonly bindings: readonly BindingRequest[]
  readonly watch: WatchRequest | undefined
  readonly resume: string | undefined
}

/** Reads a join payload as supabase-js and its siblings send it. Fails with `malformed_join`. */
export function readJoinConfig(payload: JsonObject, mostBindings: number): JoinConfig {
  const parsed = joinPayload.safeParse(payload)
  if (!parsed.success) {
    const problems = parsed.error.issues.slice(0, 3)
    throw realtimeErrors.malformed_join({
      problem: problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    })
  }
  const { config, access_token, plinth } = parsed.data
  const bindings = config?.postgres_changes ?? []
  if (bindings.length > mostBindings)
    throw realtimeErrors.malformed_join({ problem: `there are more than ${mostBindings} listeners.` })
  const replay = config?.broadcast?.replay
  return {
    accessToken: access_token ?? undefined,
    isPrivate: config?.private ?? false,
    broadcast: {
      ack: config?.broadcast?.ack ?? false,
      self: config?.broadcast?.self ?? false,
      replay: replay && { since: replay.since, limit: replay.limit ?? 25 },
    },
    // Clients from before this setting always want the others' presence.
    presence: { key: config?.presence?.key || undefined, enabled: config?.presence?.enabled ?? true },
    bindings,
    watch: plinth?.watch,
    resume: plinth?.resume,
  }
}
