import type { PoolClient, QueryResult, QueryResultRow } from 'pg'
import { databaseErrors } from '../errors.ts'
import type { Statement } from '../sql.ts'
import type { ActorMessages } from './actor-message.ts'
import type { Caller } from './caller.ts'
import { preambleOf, preambles } from './preamble.ts'
import { type FrameStatement, type FrameStep, sendTransaction, toQuery } from './transaction-query.ts'

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
  const { result, closed } = await sendTransaction<Row>(client, frame, {
    opening: [
      { statement: framing(begin(options)) },
      preambleOf(caller, !options.readOnly && actors, options.statementTimeout),
    ],
    statement,
    closing: endOf(options).map((text) => ({ statement: framing(text) })),
  })
  if (!options.rollback) requireCommit(closed[0])
  return result
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
    client.query(asQuery(preambleOf(caller, !options.readOnly && actors, options.statementTimeout))),
  ]
  const failed = (await Promise.allSettled(opened)).find((outcome) => outcome.status === 'rejected')
  try {
    if (failed) throw failed.reason
    const result = await work({ query: (statement) => client.query(toQuery(statement)) })
    const [end] = [await client.query(endOf(options).join('; '))].flat()
    if (!options.rollback) requireCommit(end?.command)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Statements that open and end transactions, by their text. */
const framed = new Map<string, FrameStatement>()

function framing(text: string): FrameStatement {
  const known = framed.get(text)
  if (known) return known
  const statement = { name: `plinth ${text}`, text }
  framed.set(text, statement)
  return statement
}

const isolations = [undefined, 'repeatable read', 'serializable'] as const
const begin = ({ isolation, readOnly }: TransactionOptions): string =>
  `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly ? ' read only' : ''}`

/**
 * A commit, after which the connection is as it was: SQL of the request may have set something for the whole session
 * (`set app.tenant = …` in a function), and the next request is somebody else's.
 * A rollback takes such settings back by itself, and the role is set anew by every transaction.
 */
function endOf(options: TransactionOptions): readonly string[] {
  if (options.rollback) return checksDeferred(options) ? [checkDeferred, 'rollback'] : ['rollback']
  return options.dropsTemporary ? ['commit', 'reset all', 'discard temp'] : ['commit', 'reset all']
}

const frame: readonly FrameStatement[] = [
  ...isolations.flatMap((isolation) =>
    [false, true].map((readOnly) => framing(begin({ isolation, readOnly }))),
  ),
  ...preambles,
  ...[checkDeferred, 'rollback', 'commit', 'reset all', 'discard temp'].map(framing),
]

/** PostgreSQL answers ROLLBACK to the COMMIT of a failed transaction, without an error. */
function requireCommit(tag: string | undefined): void {
  if (tag !== 'COMMIT') throw databaseErrors.commit_rolled_back()
}

const asQuery = ({ statement, values = [] }: FrameStep) => ({ ...statement, values: [...values] })
