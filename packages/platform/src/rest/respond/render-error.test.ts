import { errors } from 'jose'
import { describe, expect, test } from 'vitest'
import { databaseErrors } from '../../database/index.ts'
import { httpErrors } from '../../http/index.ts'
import { renderError } from './render-error.ts'
import { statusOf } from './status.ts'

const render = (error: unknown, anonymous = false) => {
  const { status, headers, body } = renderError(error, { anonymous })
  return { status, headers, body: JSON.parse(body as string) as Record<string, unknown> }
}

describe('an error', () => {
  test('that nobody foresaw says nothing', () => {
    expect(render(new Error('connect postgres://user:secret@host'))).toMatchObject({
      status: 500,
      body: { code: 'XX000', message: 'Internal server error', details: null, hint: null },
    })
  })
  test.each([
    [databaseErrors.database_unavailable(), 503, 'PGRST000'],
    [databaseErrors.database_busy({ system: 'x', connections: 1 }), 504, 'PGRST003'],
    [httpErrors.expired_token(), 401, 'PGRST303'],
    [httpErrors.invalid_token(), 401, 'PGRST301'],
    [
      httpErrors.invalid_token({}, new errors.JWTClaimValidationFailed('too early', {}, 'nbf')),
      401,
      'PGRST303',
    ],
    [httpErrors.missing_key(), 401, 'missing_key'],
  ])('of another folder has the code that clients know: %s', (error, status, code) => {
    expect(render(error)).toMatchObject({ status, body: { code } })
  })
  test('of a token challenges as RFC 6750 has it', () => {
    expect(render(httpErrors.expired_token()).headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="JWT expired"',
    )
  })
  test('has no body where there can be none', () => {
    expect(renderError(new Error('x'), { anonymous: false, bodiless: true }).body).toBeNull()
  })
})

test.each([
  ['08006', 503],
  ['0LP01', 403],
  ['0P000', 403],
  ['23503', 409],
  ['23505', 409],
  ['23502', 400],
  ['25006', 405],
  ['25P02', 500],
  ['28000', 403],
  ['40P01', 500],
  ['42883', 404],
  ['42P01', 404],
  ['42P17', 500],
  ['42703', 400],
  ['53300', 503],
  ['53400', 500],
  ['57014', 500],
  ['P0001', 400],
  ['P0002', 500],
  ['PT418', 418],
  ['XX000', 500],
  ['22P02', 400],
])('SQLSTATE %s is %i', (state, status) => {
  expect(statusOf(state, false)).toBe(status)
})

test('missing rights are 401 for the anonymous role only', () => {
  expect([statusOf('42501', true), statusOf('42501', false)]).toEqual([401, 403])
})
