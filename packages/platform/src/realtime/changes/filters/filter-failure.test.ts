import pg from 'pg'
import { expect, it } from 'vitest'
import { filterFailure } from './filter-failure.ts'

/** What PostgreSQL answers with this SQLSTATE. */
const raised = (code: string) => Object.assign(new pg.DatabaseError('refused', 7, 'error'), { code })

it.each([
  ['cannot be applied to a row', '22P02', { code: 'filter_raised', status: 400 }],
  ['takes too long', '57014', { code: 'filter_too_slow', status: 429 }],
])('a filter that %s ends its subscription and says why', (_case, state, expected) => {
  expect(filterFailure('public.items', raised(state))).toMatchObject(expected)
})

it('what is not the filter’s fault is thrown on', () => {
  const lost = new Error('Connection terminated')
  expect(() => filterFailure('public.items', lost)).toThrow(lost)
})
