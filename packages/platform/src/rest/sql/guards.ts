import type { AppError } from '../../kernel/index.ts'
import { restErrors } from '../errors.ts'
import type { Parameters } from './statement-text.ts'

/*
 * A guard fails a statement whose number of rows is not allowed, so that nothing of it is committed. It is SQL, because
 * COMMIT is sent together with the statement: this process learns the number of rows too late. It works in three steps:
 *
 * 1. The statement selects the guard: `case when count(*) = 1 then 0 else ('plinth PGRST116 ' || count(*))::int end`.
 * 2. PostgreSQL cannot cast `plinth PGRST116 5` to an integer: SQLSTATE 22P02, with that text quoted in the message. A
 *    function that raises would be clearer, but databases that are not ours hold no function of ours.
 * 3. `guardError` finds code and number in the message, in whatever language it is, and makes the client's error of them.
 */

type GuardCode = 'PGRST115' | 'PGRST116' | 'PGRST124'

/** The answer is one object (PGRST116). */
export const exactlyOne = (): string => guardText('count(*) = 1', 'PGRST116')

/** PUT wrote its one row (PGRST115). */
export const keyMatches = (): string => guardText('count(*) = 1', 'PGRST115')

/** No more rows than `max-affected` are written (PGRST124). */
export const atMostAffected = (parameters: Parameters): string =>
  guardText(`count(*) <= ${parameters.bind({ from: 'maxAffected' })}::bigint`, 'PGRST124')

const guardText = (allowed: string, code: GuardCode): string =>
  `case when ${allowed} then 0 else ('plinth ${code} ' || count(*))::int end`

const raised = /"plinth (PGRST115|PGRST116|PGRST124) (\d+)"/

/** The client's error when a guard raised; undefined for any other failure in SQL. */
export function guardError(sqlState: string, message: string): AppError | undefined {
  const [, code, rows] = (sqlState === '22P02' && raised.exec(message)) || []
  switch (code as GuardCode | undefined) {
    case 'PGRST115':
      return restErrors.PGRST115()
    case 'PGRST116':
      return restErrors.PGRST116({ details: `The result contains ${rows} rows` })
    case 'PGRST124':
      return restErrors.PGRST124({ details: `The query affects ${rows} rows` })
    case undefined:
      return undefined
  }
}
