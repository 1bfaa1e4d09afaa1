import type { Caller } from '../../database/index.ts'

/** What a source of callers may look at; the body is not read yet. */
export interface RequestFacts {
  readonly method: string
  /** Below the project's address. */
  readonly path: string
  readonly clientAddress: string
  header(name: string): string | undefined
  query(name: string): string | undefined
  /** Value of a cookie, decoded. */
  cookie(name: string): string | undefined
  /** Adds a header to the answer, whatever it will be. */
  setHeader(name: string, value: string): void
  /** Calls `listener` once with the status of the answer. */
  whenAnswered(listener: (status: number) => void): void
}

/** A way to say who asks, beside the project's own keys and tokens: an `sk_…` key, a session cookie. */
export interface CallerSource {
  readonly name: string
  /**
   * True when browsers send these credentials by themselves (cookies). Such a caller counts only where the request shows
   * no key or token that says more than anon, and a request that changes something must come from the project's own
   * pages (`csrf_refused`). Default false.
   */
  readonly isAmbient?: boolean
  /** The caller; null when the request carries none of this source's credentials. Fails when it carries bad ones. */
  identify(facts: RequestFacts): Promise<Caller | null> | Caller | null
}
