import type { z } from 'zod'
import type { DatabaseRole, ScopedDatabase } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'

/**
 * Who may call a function. `public`: anyone, no key needed. `user`: a signed-in user. `admin`: a user for whom the
 * system's `isAdmin` holds, or the service key. `service`: the service key only. `webhook`: anyone, no key, raw body
 * (the handler verifies the provider's signature).
 */
export type FunctionAccess = 'public' | 'user' | 'admin' | 'service' | 'webhook'

/** What a function's handler is given; there is nothing else to reach for. */
export interface FunctionContext {
  readonly requestId: string
  /** The request as it came; its body is already read, see `rawBody`. */
  readonly request: Request
  /** The body's bytes, for signatures. */
  readonly rawBody: Uint8Array
  readonly role: DatabaseRole
  /** Subject of the token; null for keys and anonymous callers. */
  readonly userId: string | null
  /** As the caller: policies apply. */
  readonly db: ScopedDatabase
  /** As the service role, past all policies. Say why; the journal keeps it. */
  asService(reason: string): ScopedDatabase
  readonly clock: Clock
  readonly log: Log
}

export interface FunctionDefinition<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
  Extra extends object = object,
> {
  /** Answers at `/functions/v1/<name>`; unique across systems, kebab-case. */
  readonly name: string
  /** One sentence for the API reference. */
  readonly summary: string
  readonly access: FunctionAccess
  /** Default POST. For GET the query string is the input. */
  readonly methods?: readonly ('GET' | 'POST')[]
  readonly input: Input
  readonly output: Output
  /** Most calls a minute for one user or, without a user, one address (of IPv6 its first 64 bits). Default 600. */
  readonly callsPerMinute?: number
  handle(context: FunctionContext & Extra, input: z.output<Input>): Promise<z.input<Output>>
}

/** Declares a function; input and output types follow from its schemas. */
export function defineFunction<Input extends z.ZodType, Output extends z.ZodType>(
  definition: FunctionDefinition<Input, Output>,
): FunctionDefinition<Input, Output> {
  return definition
}
