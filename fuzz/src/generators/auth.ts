import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'

const endpoints = [
  ['GET', '/health'],
  ['GET', '/settings'],
  ['GET', '/.well-known/jwks.json'],
  ['POST', '/signup'],
  ['POST', '/token?grant_type=password'],
  ['POST', '/token?grant_type=refresh_token'],
  ['POST', '/token?grant_type=__proto__'],
  ['POST', '/logout'],
  ['POST', '/logout?scope=others'],
  ['GET', '/user'],
  ['PUT', '/user'],
  ['POST', '/recover'],
  ['POST', '/otp'],
  ['GET', '/verify?token=x&type=signup'],
  ['GET', '/authorize?provider=google'],
  ['GET', '/admin/users'],
  ['POST', '/admin/users'],
  ['GET', '/admin/users?page=-1&per_page=x'],
  ['GET', '/admin/users/x'],
  ['GET', '/nothing'],
  ['POST', '/factors'],
] as const

const names = [
  'email',
  'password',
  'phone',
  'data',
  'refresh_token',
  'user_metadata',
  'app_metadata',
  'ban_duration',
  'id',
  'role',
  'email_confirm',
  'gotrue_meta_security',
  '__proto__',
  'constructor',
  'nonce',
]
const values = fc.oneof(
  fc.constantFrom<unknown>(
    'fuzz@example.test',
    'a long password',
    'wrong',
    '',
    ' ',
    '\u0000',
    'a@b',
    '@',
    'a'.repeat(300),
    'ü@ü.example',
    null,
    true,
    -1,
    1e308,
    [],
    {},
    { a: { b: {} } },
    '24h',
    'none',
    'x'.repeat(10_000),
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Accounts and sessions with values of the wrong kind, and bodies that are none. */
export function authCases(target: Target): fc.Arbitrary<HttpCase> {
  const ids = target.ids.flatMap(
    (id) =>
      [
        ['GET', `/admin/users/${id}`],
        ['PUT', `/admin/users/${id}`],
      ] as const,
  )
  return fc.constantFrom('shops', 'notes').chain((system) =>
    fc
      .record({
        endpoint: fc.constantFrom(...endpoints, ...ids),
        body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
          {
            weight: 6,
            arbitrary: fc
              .dictionary(fc.constantFrom(...names), values, { maxKeys: 4 })
              .map((fields) => JSON.stringify(fields)),
          },
          { weight: 1, arbitrary: fc.json() },
          { weight: 1, arbitrary: longText(300_000) },
        ),
        caller: callerHeaders(target, system),
        type: fc.constantFrom(
          'application/json',
          'application/json',
          'application/x-www-form-urlencoded',
          'text/plain',
          'x',
        ),
      })
      .map(({ endpoint: [method, path], body, caller, type }) => ({
        kind: 'http',
        method,
        target: `/${system}/auth/v1${path}`,
        headers: { ...caller, 'content-type': type },
        ...(method === 'GET' ? {} : { body }),
      })),
  )
}
