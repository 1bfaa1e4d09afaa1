import pg from 'pg'
import type { Statement } from '../sql.ts'

/** A statement of a transaction's frame: prepared once per connection; nobody reads its rows. */
export interface FrameStatement {
  readonly name: string
  readonly text: string
}

/** A frame's statement with the values of one transaction. */
export interface FrameStep {
  readonly statement: FrameStatement
  readonly values?: readonly (string | null)[]
}

/** What a transaction sends: what opens it, its one statement, and what ends it. */
export interface TransactionMessages {
  readonly opening: readonly FrameStep[]
  readonly statement: Statement
  readonly closing: readonly FrameStep[]
}

/** A transaction's answer. */
export interface TransactionAnswer<Row extends pg.QueryResultRow> {
  readonly result: pg.QueryResult<Row>
  /** Command tags of the closing statements. */
  readonly closed: readonly string[]
}

/**
 * Sends a transaction as one batch of the extended query protocol: no message waits for an answer and one Sync ends
 * them, so PostgreSQL answers once ("Pipelining", chapter "Frontend/Backend Protocol" of its documentation). After the
 * first statement that fails the server skips the rest; a transaction that is open then is rolled back here.
 */
export async function sendTransaction<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  frame: readonly FrameStatement[],
  messages: TransactionMessages,
): Promise<TransactionAnswer<Row>> {
  const query = new TransactionQuery(messages)
  const answered = answerOf(query)
  const { stream } = wireOf(client)
  stream.cork()
  const prepared = prepareFrame(client, frame)
  client.query(query)
  stream.uncork()
  try {
    const [result] = await Promise.all([answered, prepared])
    return { result: result as pg.QueryResult<Row>, closed: query.closed }
  } catch (error) {
    if (query.isOver) return { result: await keepResult(client, query), closed: query.closed }
    if (query.isOpen) await client.query('rollback').catch(() => undefined)
    throw withCallersStack(error)
  }
}

/**
 * What is committed is told as such, whatever became of the cleaning up: SQL took its statement away, or a cancel came
 * late. It is done here instead.
 */
async function keepResult<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  query: TransactionQuery,
): Promise<pg.QueryResult<Row>> {
  framed.delete(client)
  await client.query('reset all; discard temp')
  return query._results as pg.QueryResult<Row>
}

/** The messages of pg's connection that a query sends, with what it knows of prepared statements. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void }
  /** Texts of the prepared statements that the session has, by name. */
  readonly parsedStatements: Record<string, string>
  parse(statement: FrameStatement): void
  close(statement: { readonly type: 'S'; readonly name: string }): void
  bind(portal: { readonly statement: string; readonly values: readonly (string | null)[] }): void
  describe(portal: object): void
  execute(portal: object): void
  sync(): void
}

const wireOf = (client: pg.PoolClient): Wire =>
  (client as unknown as { readonly connection: Wire }).connection

/** What pg's client calls while it reads the answer to a query. */
interface AnswerHandlers {
  readonly _results: unknown
  callback?: (error: Error | null, result: unknown) => void
  prepare(wire: Wire): void
  handleDataRow(message: object): void
  handleCommandComplete(message: { readonly text: string }, wire: Wire): void
  handleEmptyQuery(wire: Wire): void
}

const PgQuery = pg.Query as unknown as new (config: pg.QueryConfig) => AnswerHandlers & pg.Submittable

class TransactionQuery extends PgQuery {
  readonly closed: string[] = []
  readonly #messages: TransactionMessages
  #completed = 0

  constructor(messages: TransactionMessages) {
    super(toQuery(messages.statement))
    this.#messages = messages
  }

  /** Whether the transaction has ended: what is cleaned up after it may still have failed. */
  get isOver(): boolean {
    return this.closed.some((tag) => tag === 'COMMIT' || tag === 'ROLLBACK')
  }

  get isOpen(): boolean {
    return this.#completed > 0 && !this.isOver
  }

  override submit = (connection: unknown): null => {
    const wire = connection as Wire
    wire.stream.cork()
    try {
      for (const step of this.#messages.opening) sendStep(wire, step)
      this.prepare(withoutSync(wire))
      for (const step of this.#messages.closing) sendStep(wire, step)
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
    return null
  }

  override handleDataRow(message: object): void {
    if (this.#isStatement()) super.handleDataRow(message)
  }

  override handleCommandComplete(message: { readonly text: string }, wire: Wire): void {
    if (this.#isStatement()) super.handleCommandComplete(message, wire)
    if (this.#completed > this.#messages.opening.length) this.closed.push(message.text)
    this.#completed++
  }

  override handleEmptyQuery(): void {
    this.#completed++
  }

  /** Answers come in the order of what was sent: whether it is the turn of the statement, not of its frame. */
  #isStatement(): boolean {
    return this.#completed === this.#messages.opening.length
  }
}

function sendStep(wire: Wire, { statement, values = [] }: FrameStep): void {
  wire.bind({ statement: statement.name, values })
  wire.execute({})
}

const quietWires = new WeakMap<Wire, Wire>()

/** The same connection, without the Sync that pg sends after each query. */
function withoutSync(wire: Wire): Wire {
  const known = quietWires.get(wire)
  if (known) return known
  const quiet = Object.assign(Object.create(wire) as Wire, { sync: () => undefined })
  quietWires.set(wire, quiet)
  return quiet
}

const framed = new WeakSet<pg.PoolClient>()

/** Prepares the frame's statements on a connection that has not got them yet. */
async function prepareFrame(client: pg.PoolClient, frame: readonly FrameStatement[]): Promise<void> {
  if (framed.has(client)) return
  const query = new FrameQuery(frame)
  const answered = answerOf(query)
  client.query(query)
  framed.add(client)
  try {
    await answered
    for (const { name, text } of frame) wireOf(client).parsedStatements[name] = text
  } catch (error) {
    framed.delete(client)
    throw error
  }
}

class FrameQuery extends PgQuery {
  readonly #frame: readonly FrameStatement[]

  constructor(frame: readonly FrameStatement[]) {
    super({ text: '' })
    this.#frame = frame
  }

  /** A cancel may have ended an earlier try half-way: closing a statement that is not there is no error. */
  override submit = (connection: unknown): null => {
    const wire = connection as Wire
    for (const statement of this.#frame) {
      wire.close({ type: 'S', name: statement.name })
      wire.parse(statement)
    }
    wire.sync()
    return null
  }
}

function answerOf(query: AnswerHandlers): Promise<unknown> {
  return new Promise((resolve, reject) => {
    query.callback = (error, result) => (error ? reject(error) : resolve(result))
  })
}

/** pg wants a mutable array; ours is read-only so that cached statements cannot be altered. */
export function toQuery(statement: Statement) {
  return { ...statement, values: statement.values as unknown[] }
}

/** The stack of an error that came from the socket says nothing of who asked. */
function withCallersStack(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error, sendTransaction)
  return error
}
