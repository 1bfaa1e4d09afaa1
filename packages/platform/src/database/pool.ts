import pg from 'pg'
import { type Log, messageOf } from '../kernel/index.ts'
import { databaseErrors } from './errors.ts'

export interface PoolOptions {
  readonly system: string
  readonly url: string
  /** Most connections at once. They are opened when needed and closed after {@link idleMilliseconds}. */
  readonly max: number
  readonly log: Log
}

const idleMilliseconds = 10_000
const connectMilliseconds = 5_000

/** A lazy pool of pipelining connections to one database as one login role. */
export interface Pool {
  /** Lends a connection to `work`. A connection that failed underneath is closed, not returned. */
  use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** Connections lent out now, idle ones, and callers waiting for one. */
  usage(): { readonly busy: number; readonly idle: number; readonly waiting: number; readonly max: number }
  end(): Promise<void>
}

export function createPool({ system, url, max, log }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    pipeline: true,
    idleTimeoutMillis: idleMilliseconds,
    connectionTimeoutMillis: connectMilliseconds,
    application_name: `plinth ${system}`,
    types: { getTypeParser: exactTypeParser },
  } as pg.PoolConfig)
  // A connection that is being closed may still hear that PostgreSQL stops.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ problem: error.message }, 'idle database connection lost')
  })
  return {
    use: async (work) => {
      const client = await pool.connect().catch((error: unknown) => {
        throw connectFailure(error, system, max)
      })
      let broken: Error | undefined
      const onError = (error: Error) => {
        broken = error
      }
      client.on('error', onError)
      try {
        return await work(client)
      } catch (error) {
        if (isConnectionFailure(error)) {
          broken = error as Error
          throw databaseErrors.database_unavailable({}, error)
        }
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken)
      }
    },
    usage: () => ({
      busy: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max,
    }),
    end: () => pool.end(),
  }
}

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
