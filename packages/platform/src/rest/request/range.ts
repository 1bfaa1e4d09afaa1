import { restErrors } from '../errors.ts'

/** Rows of the answer that are wanted: the first, and how many at most. */
export interface Window {
  readonly offset: number
  readonly limit: number | undefined
}

/** What `limit`/`offset`, a `Range` header (`0-24`, `10-`) and the server's own maximum leave together. */
export function readWindow(
  limit: number | undefined,
  offset: number,
  rangeHeader: string | null,
  maxRows: number | undefined,
): Window {
  const range =
    rangeHeader === null ? undefined : /^(?:items=)?(\d{1,15})-(\d{0,15})$/.exec(rangeHeader.trim())
  if (!range) return { offset, limit: least(limit, maxRows) }
  const from = Number(range[1])
  const to = range[2] ? Number(range[2]) : undefined
  if (to !== undefined && to < from) {
    throw restErrors.PGRST103({
      details: 'The lower boundary must be lower than or equal to the upper boundary in the Range header.',
    })
  }
  const first = Math.max(offset, from)
  const end = least(limit === undefined ? undefined : offset + limit, to === undefined ? undefined : to + 1)
  return { offset: first, limit: least(end === undefined ? undefined : Math.max(0, end - first), maxRows) }
}

function least(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined) return right
  return right === undefined ? left : Math.min(left, right)
}
