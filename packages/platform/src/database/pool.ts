import pg from 'pg'
import { hasCode, type Log, messageOf } from '../kernel/index.ts'
import { createConnectionShares } from './connection-shares.ts'
import { databaseErrors } from './errors.ts'
import { createLoan, type Loan } from './loan.ts'
import { pinnedConfig } from './pinned-session.ts'
import { statementGone } from './retry-undone.ts'

export interface PoolOptions {
  readonly system: string
  readonly url: string
  /** Most connections at once. They are opened when needed and closed after {@link idleMilliseconds}. */
  readonly max: number
  /** Sessions take nothing from the database's owner; the address is not a pooler's. Default false. */
  readonly isPinned?: boolean
  readonly log: Log
}

const idleMilliseconds = 10_000
const connectMilliseconds = 5_000

/** Under what terms somebody borrows a connection. */
export interface LoanTerms {
  /** Whose share of the connections it counts for. */
  readonly share: { readonly key: string; readonly weight: number }
  /** True for one transaction that only reads: it may be ended in PostgreSQL at any moment. */
  readonly cancellable: boolean
  /** When the client is gone, what is cancellable is cancelled. */
  readonly gone?: AbortSignal | undefined
}

/** A lazy pool of pipelining connections to one database as one login role. */
export interface Pool {
  /**
   * Lends a connection to `work`. A connection that failed underneath is closed, not returned. With terms, connections
   * are shared fairly; fails with `database_busy`, `share_exceeded` or `client_gone`.
   */
  use<T>(work: (client: pg.PoolClient) => Promise<T>, terms?: LoanTerms): Promise<T>
  /** Connections lent out now, idle ones, and callers waiting for one. */
  usage(): { readonly busy: number; readonly idle: number; readonly waiting: number; readonly max: number }
  end(): Promise<void>
}

export function createPool({ system, url, max, isPinned = false, log }: PoolOptions): Pool {
  const pool = new pg.Pool({
    ...(isPinned ? pinnedConfig(url) : { connectionString: url }),
    max,
    pipeline: true,
    idleTimeoutMillis: idleMilliseconds,
    connectionTimeoutMillis: connectMilliseconds,
    application_name: `plinth ${system}`,
    types: { getTypeParser: exactTypeParser },
  } as pg.PoolConfig)
  const shares = createConnectionShares({ system, connections: max })
  // A connection that is being closed may still hear that PostgreSQL stops.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ problem: error.message }, 'idle database connection lost')
  })

  async function borrow<T>(work: Work<T>, loan?: Loan): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw connectFailure(error, system, max)
    })
    let broken: Error | undefined
    const onError = (error: Error) => {
      broken = error
    }
    client.on('error', onError)
    try {
      loan?.begin(client)
      return await work(client)
    } catch (error) {
      if (hasCode(error, statementGone)) broken = error as Error
      if (isConnectionFailure(error)) {
        broken = error as Error
        throw databaseErrors.database_unavailable({}, error)
      }
      throw error
    } finally {
      if (loan && !(await loan.end())) broken ??= new Error('a cancel request was not answered')
      client.off('error', onError)
      client.release(broken)
    }
  }

  async function borrowFairly<T>(work: Work<T>, { share, cancellable, gone }: LoanTerms): Promise<T> {
    const loan = cancellable ? createLoan() : undefined
    const leave = () => loan?.cancel(databaseErrors.client_gone())
    const request = loan ? { ...share, takeBack: () => loan.cancel(databaseErrors.share_exceeded()) } : share
    const signal = loan ? gone : undefined
    if (signal?.aborted) throw databaseErrors.client_gone()
    const place = shares.tryEnter(request) ?? (await shares.enter(request, signal))
    signal?.addEventListener('abort', leave)
    try {
      return await borrow(work, loan)
    } catch (error) {
      throw loan?.reason && hasCode(error, cancelled) ? loan.reason : error
    } finally {
      signal?.removeEventListener('abort', leave)
      place.leave()
    }
  }

  return {
    use: (work, terms) => (terms ? borrowFairly(work, terms) : borrow(work)),
    usage: () => ({
      busy: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount + shares.usage().waiting,
      max,
    }),
    end: () => pool.end(),
  }
}

type Work<T> = (client: pg.PoolClient) => Promise<T>

/** SQLSTATE of a statement that was cancelled, or took too long. */
const cancelled = '57014'

/** bigint and numeric stay text, dates stay ISO text: nothing is rounded or moved to another zone on the way. */
const textTypes = new Set([20, 1082, 1114, 1184, 1700])
const exactTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  textTypes.has(oid)
    ? (value: string) => value
    : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser

/** SQLSTATE class 08 and 57P01–57P03: the connection or the server went away, not the statement's fault. */
function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: string }).code ?? ''
  if (error instanceof pg.DatabaseError) return /^(08|57P0[123])/.test(code)
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(code) ||
    /^(Connection terminated|Client has encountered a connection error|Client was closed)/.test(error.message)
  )
}

function connectFailure(error: unknown, system: string, max: number): Error {
  const timedOut = messageOf(error).includes('timeout exceeded when trying to connect')
  return timedOut
    ? databaseErrors.database_busy({ system, connections: max }, error)
    : databaseErrors.database_unavailable({}, error)
}
