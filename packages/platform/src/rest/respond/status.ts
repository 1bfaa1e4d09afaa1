/** Statuses of SQLSTATE classes and single states, from PostgREST's public table; what is not here is 400. */
const classes: Readonly<Record<string, number>> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '25': 500,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '53': 503,
  '54': 500,
  '55': 500,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
}

const states: Readonly<Record<string, number>> = {
  '23503': 409,
  '23505': 409,
  '25006': 405,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53400': 500,
  P0001: 400,
}

/** HTTP status of a SQLSTATE. Missing rights are 401 for the anonymous role, which may still sign in, else 403. */
export function statusOf(sqlState: string, anonymous: boolean): number {
  if (sqlState === '42501') return anonymous ? 401 : 403
  const raised = /^PT([1-9]\d\d)$/.exec(sqlState)
  if (raised) return Number(raised[1])
  return states[sqlState] ?? classes[sqlState.slice(0, 2)] ?? 400
}
