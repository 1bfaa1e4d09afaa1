import { FunctionsHttpError, type SupabaseClient } from '@supabase/supabase-js'

/** A refusal of the platform, with its code. */
export class PlinthError extends Error {
  override readonly name = 'PlinthError'
  /** As `docs/errors.md` lists it: `kv_full`. */
  readonly code: string
  readonly status: number

  constructor(message: string, code: string, status: number) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** Calls one of the platform's routes as whoever is signed in. Fails with {@link PlinthError}. */
export async function callPlatform<T>(
  client: Pick<SupabaseClient, 'functions'>,
  path: string,
  input: object,
): Promise<T> {
  const { data, error } = await client.functions.invoke<{ data: T }>(path, { body: input })
  if (!error) return data!.data
  const response: unknown = error instanceof FunctionsHttpError ? error.context : undefined
  if (!(response instanceof Response)) throw new PlinthError(error.message, 'unreachable', 0)
  const { error: message = error.message, code = 'unknown' } = (await response.json().catch(() => ({}))) as {
    error?: string
    code?: string
  }
  throw new PlinthError(message, code, response.status)
}
