import type { PoolClient, QueryResult, QueryResultRow } from 'pg'
import { databaseErrors } from '../errors.ts'
import type { Statement } from '../sql.ts'
import type { ActorMessages } from './actor-message.ts'
import type { Caller } from './caller.ts'
import { preambleOf } from './preamble.ts'

export interface TransactionOptions {
  /** `BEGIN READ ONLY`; no actor message is sent. Default false. */
  readonly readOnly?: boolean
  /** Default: the session's own level, `read committed` unless an administrator changed it. */
  readonly isolation?: 'repeatable read' | 'serializable' | undefined
  /** Ends with ROLLBACK instead of COMMIT (dry runs, `Prefer: tx=rollback`). Default false. */
  readonly rollback?: boolean
  /** Milliseconds that one statement may take (SQLSTATE 57014 beyond it). Default: the role's own. */
  readonly statementTimeout?: number
  /** Drops temporary tables at the end. Default false: in the platform's own databases nobody may make any. */
  readonly dropsTemporary?: boolean
}

/** Runs statements inside a transaction that is already the caller's. */
export interface Transaction {
  query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>>
}

/**
 * Begin, role and claims, one statement and commit, sent together and answered together: one round trip.
 * COMMIT is already on its way when the statement answers, so what must roll back on its result has to raise
 * inside the SQL. The first statement that fails is the error that the caller sees.
 */
export async function runStatement<Row extends QueryResultRow>(
  client: PoolClient,
  actors: ActorMessages,
  caller: Caller,
  statement: Statement,
  options: TransactionOptions = {},
): Promise<QueryResult<Row>> {
  const stream = (client as unknown as { connection: { stream: { cork(): void; uncork(): void } } })
    .connection.stream
  stream.cork()
  const sent = [
    client.query(begin(options)),
    client.query(toQuery(preambleOf(caller, !options.readOnly && actors, options.statementTimeout))),
    client.query<Row>(toQuery(statement)),
    ...(checksDeferred(options) ? [client.query(checkDeferred)] : []),
    client.query(endOf(options)),
  ]
  stream.uncork()
  const outcomes = await Promise.allSettled(sent)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
  const values = (outcomes as { value: QueryResult }[]).map(({ value }) => value)
  if (!options.rollback) requireCommit(values.at(-1)!)
  return values[2] as QueryResult<Row>
}

/** A rollback of a writing transaction says what its commit would have refused: a dry run that succeeds would commit. */
const checksDeferred = ({ rollback, readOnly }: TransactionOptions): boolean => rollback === true && !readOnly
const checkDeferred = 'set constraints all immediate'

/** Runs `work` in one transaction of the caller; commits when it resolves, rolls back when it rejects. */
export async function runTransaction<T>(
  client: PoolClient,
  actors: ActorMessages,
  caller: Caller,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const opened = [
    client.query(begin(options)),
    client.query(toQuery(preambleOf(caller, !options.readOnly && actors, options.statementTimeout))),
  ]
  const failed = (await Promise.allSettled(opened)).find((outcome) => outcome.status === 'rejected')
  try {
    if (failed) throw failed.reason
    const result = await work({ query: (statement) => client.query(toQuery(statement)) })
    if (checksDeferred(options)) await client.query(checkDeferred)
    const end = await client.query(endOf(options))
    if (!options.rollback) requireCommit(end)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/**
 * A commit, after which the connection is as it was: SQL of the request may have set something for the whole session
 * (`set app.tenant = …` in a function), and the next request is somebody else's. One message, so it costs no round trip.
 * A rollback takes such settings back by itself, and the role is set anew by every transaction.
 */
function endOf({ rollback, dropsTemporary }: TransactionOptions): string {
  if (rollback) return 'rollback'
  return dropsTemporary ? 'commit; reset all; discard temp' : 'commit; reset all'
}

/** PostgreSQL answers ROLLBACK to the COMMIT of a failed transaction, without an error. */
function requireCommit(end: QueryResult): void {
  const [first] = [end].flat()
  if (first?.command !== 'COMMIT') throw databaseErrors.commit_rolled_back()
}

const begin = ({ isolation, readOnly }: TransactionOptions): string =>
  `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly ? ' read only' : ''}`

/** pg wants a mutable array; ours is read-only so that cached statements cannot be altered. */
export function toQuery(statement: Statement) {
  return { ...statement, values: statement.values as unknown[] }
}
