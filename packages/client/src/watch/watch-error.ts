/** A watch that cannot go on: the server refused it, and would again. `code` is the server's, `malformed_filter`. */
export class WatchError extends Error {
  override readonly name = 'WatchError'
  readonly code: string

  constructor(reason: string) {
    super(reason.replace(/^[a-z_]+: /, ''))
    this.code = /^([a-z_]+): /.exec(reason)?.[1] ?? 'unknown'
  }
}

/** Refusals that pass by themselves: joining again is worth it. */
const passing = new Set([
  'unknown',
  'internal',
  'stream_not_ready',
  'too_many_joins',
  'too_many_events',
  'too_many_channels',
  'database_unavailable',
  'database_busy',
  'realtime_token_refused',
])

/** The error of a refusal that is final; undefined for one that passes. */
export function finalError(reason: string): WatchError | undefined {
  const error = new WatchError(reason)
  return passing.has(error.code) ? undefined : error
}
