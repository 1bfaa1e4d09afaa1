import type { Parameters } from './statement-text.ts'

/**
 * COMMIT is on its way before the number of rows is known here, so a number that must roll back raises in the SQL.
 * A database of someone else's holds no function of ours that could raise, so a text that is no integer is cast to
 * one: PostgreSQL's message quotes it, and {@link readGuard} finds it there in whatever language the message is.
 */
const guardText = (allowed: string, code: string): string =>
  `case when ${allowed} then 0 else ('plinth ${code} ' || count(*))::int end`

/** Exactly one row (PGRST116). */
export const exactlyOne = (): string => guardText('count(*) = 1', 'PGRST116')

/** PUT wrote its one row (PGRST115). */
export const keyMatches = (): string => guardText('count(*) = 1', 'PGRST115')

/** No more rows than `max-affected` (PGRST124). */
export const atMostAffected = (parameters: Parameters): string =>
  guardText(`count(*) <= ${parameters.bind({ from: 'maxAffected' })}::bigint`, 'PGRST124')

/** Which guard raised, if the error is one's: its code and the number of rows there were. */
export function readGuard(
  sqlState: string | undefined,
  message: string,
): { readonly code: 'PGRST115' | 'PGRST116' | 'PGRST124'; readonly rows: number } | undefined {
  if (sqlState !== '22P02') return undefined
  const found = /"plinth (PGRST11[56]|PGRST124) (\d+)"/.exec(message)
  return found ? { code: found[1] as 'PGRST115', rows: Number(found[2]) } : undefined
}
