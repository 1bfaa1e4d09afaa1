import { z } from 'zod'
import type { JsonObject } from '../../kernel/index.ts'
import type { BindingRequest } from '../changes/bindings.ts'
import type { WatchRequest } from '../changes/watch/watch-view.ts'
import { realtimeErrors } from '../errors.ts'
import { isNewKey } from './session.ts'

const name = z.string().min(1).max(128)
const mostColumns = 200
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined)

/** A list whose length is checked before its elements are looked at. */
const listOf = <T extends z.ZodType>(type: T, most: number) =>
  z
    .unknown()
    .refine((value) => !Array.isArray(value) || value.length <= most, {
      message: `more than ${most} of them`,
      abort: true,
    })
    .pipe(z.array(type))

const binding = z.object({
  event: z.enum(['*', 'INSERT', 'UPDATE', 'DELETE']),
  schema: optional(name),
  table: optional(name),
  filter: optional(z.string()),
  select: optional(listOf(name, mostColumns).refine((names) => names.length > 0)),
})

const joinPayload = (mostBindings: number) =>
  z.object({
    config: z
      .object({
        broadcast: optional(
          z.object({
            ack: z.boolean().nullish(),
            self: z.boolean().nullish(),
            replication_ready: z.boolean().nullish(),
            replay: optional(
              z.object({ since: z.number(), limit: z.number().int().min(1).max(25).nullish() }),
            ),
          }),
        ),
        presence: optional(z.object({ key: z.string().max(256).nullish(), enabled: z.boolean().nullish() })),
        postgres_changes: optional(listOf(binding, mostBindings)),
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
          columns: optional(listOf(name, mostColumns).refine((names) => names.length > 0)),
        }),
        resume: optional(z.string().max(200)),
        user: optional(z.string().max(200)),
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
    /** True when the client wants to know when messages from SQL reach it. */
    readonly replicationReady: boolean
    readonly replay: { readonly since: number; readonly limit: number } | undefined
  }
  readonly presence: { readonly key: string | undefined; readonly enabled: boolean }
  readonly bindings: readonly BindingRequest[]
  readonly watch: WatchRequest | undefined
  readonly resume: string | undefined
  /** Whose copy is watched: another one's token is refused. */
  readonly user: string | undefined
}

/** Reads a join payload as supabase-js and its siblings send it. Fails with `malformed_join`. */
export function readJoinConfig(payload: JsonObject, mostBindings: number): JoinConfig {
  const parsed = joinPayload(mostBindings).safeParse(payload)
  if (!parsed.success) {
    const problems = parsed.error.issues.slice(0, 3)
    throw realtimeErrors.malformed_join({
      problem: problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    })
  }
  const { config, access_token, plinth } = parsed.data
  const bindings = config?.postgres_changes ?? []
  const replay = config?.broadcast?.replay
  return {
    accessToken: access_token && !isNewKey(access_token) ? access_token : undefined,
    isPrivate: config?.private ?? false,
    broadcast: {
      ack: config?.broadcast?.ack ?? false,
      self: config?.broadcast?.self ?? false,
      replicationReady: config?.broadcast?.replication_ready ?? false,
      replay: replay && { since: replay.since, limit: replay.limit ?? 25 },
    },
    // Clients from before this setting always want the others' presence.
    presence: { key: config?.presence?.key || undefined, enabled: config?.presence?.enabled ?? true },
    bindings,
    watch: plinth?.watch,
    resume: plinth?.resume,
    user: plinth?.user,
  }
}
