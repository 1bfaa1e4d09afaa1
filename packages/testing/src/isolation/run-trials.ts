import { readFileSync } from 'node:fs'
import type pg from 'pg'
import type { Row } from './draft-row.ts'

/** A statement to be tried as a caller. */
export interface Trial {
  readonly role: string
  /** The login role that takes `role`. */
  readonly login: string
  readonly claims: object
  /** `$1` of the statements, as JSON. */
  readonly row: Row
  readonly statement: string
  /** Runs before it as an administrator, with triggers and foreign keys off. */
  readonly prepare?: string | undefined
  /** Selects of one text each, with the row in it: which of them does the statement change? */
  readonly probes?: readonly string[]
}

export interface Outcome {
  /** SQLSTATE of the refusal; null without one. */
  readonly state: string | null
  readonly message: string | null
  /** Rows that the statement read or wrote. */
  readonly count: number
  /** For each probe: whether its row was changed or deleted. */
  readonly touched: readonly boolean[]
}

const attemptFunction = readFileSync(new URL('./attempt.sql', import.meta.url), 'utf8')

const runAll = `
  select a.state, a.message, coalesce(a.count, 0)::int as count, coalesce(a.touched, '{}') as touched
  from jsonb_array_elements($1) with ordinality each (trial, ord)
  cross join lateral jsonb_to_record(each.trial)
    t (role text, login text, claims jsonb, "row" jsonb, prepare text, statement text, probes text[])
  cross join lateral pg_temp.attempt(t.role, t.login, t.claims, t."row", t.prepare, t.statement, coalesce(t.probes, '{}')) a
  order by each.ord`

/** Makes {@link runTrials} possible on this connection of an administrator. */
export async function prepareTrials(client: pg.Client): Promise<void> {
  await client.query(attemptFunction)
}

/** Tries each statement by itself, in a transaction of the caller that is always taken back. */
export async function runTrials(client: pg.Client, trials: readonly Trial[]): Promise<readonly Outcome[]> {
  return (await client.query<Outcome>(runAll, [JSON.stringify(trials)])).rows
}
