/** Counts by key and says when it is too often. */
export interface Limiter {
  /** Counts one; 0 when it is within the limit, else the seconds until the window ends. */
  count(key: string): Promise<number>
  /** As {@link count}, without counting: what the next one would get. */
  look(key: string): Promise<number>
  /** Starts the key afresh. */
  forget(key: string): Promise<void>
}

export interface LimiterOptions {
  /** How many are allowed in one window. */
  readonly points: number
  /** Length of the window, which begins with the first one counted. Seconds. */
  readonly seconds: number
  /** What is counted, unique in the server: `shops/functions/inventory-operations`. Nodes share counts by it. */
  readonly name: string
}

export type CreateLimiter = (options: LimiterOptions) => Limiter
