import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useAuthHost } from './auth-host.ts'

/** Reproducible: the same bodies in every run. */
const seed = 20_260_115

const awkward = fc.constantFrom<unknown>(
  null,
  '',
  ' ',
  0,
  -1,
  1e308,
  true,
  [],
  {},
  '\0',
  '\ud800',
  "'; drop table auth.users; --",
  '$1',
  '%00',
  'ada@example.test',
  'ADA@EXAMPLE.TEST',
  'correct horse',
  '🦊'.repeat(100),
  'x'.repeat(5000),
  'infinity',
  '9999999999h',
  'service_role',
  '00000000-0000-0000-0000-000000000000',
  '$argon2id$v=19$m=19456,t=2,p=1$/b0qH1nr$AAAA',
  { ['__proto__']: { admin: true } },
)
const names = [
  'email',
  'phone',
  'password',
  'data',
  'refresh_token',
  'id',
  'role',
  'app_metadata',
  'user_metadata',
  'ban_duration',
  'email_confirm',
  'password_hash',
  'should_soft_delete',
  'gotrue_meta_security',
  'code_challenge',
]
const value = fc.oneof(
  { weight: 4, arbitrary: awkward },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
)
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .dictionary(fc.constantFrom(...names), value, { maxKeys: 5 })
      .map((object) => JSON.stringify(object)),
  },
  { weight: 1, arbitrary: fc.jsonValue().map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)
const query = fc.constantFrom(
  '',
  '?grant_type=password',
  '?grant_type=refresh_token',
  '?grant_type=%00',
  '?scope=%F0%9F',
  '?page=1e9&per_page=0x10',
  '?page=%00',
  '?page=1&page=2&per_page=1001',
)
const paths = [
  '/signup',
  '/token',
  '/logout',
  '/user',
  '/settings',
  '/admin/users',
  '/admin/users/00000000-0000-0000-0000-000000000000',
  '/admin/users/%00',
  '/admin/users/%E0%A4%A',
  '/admin/users/00000000-0000-0000-0000-000000000000/factors',
  '/recover',
  '/verify',
  '/%2e%2e/admin/users',
]

describe('whatever is sent', () => {
  const host = useAuthHost({ settings: { externalAnonymousUsersEnabled: true } })

  it('is answered in JSON, and never by a failure of the server', async () => {
    const { body: ada } = await host.signUp('ada@example.test')
    const { body: bob } = await host.signUp('bob@example.test')
    const tokens = [host.keys.anonKey, host.keys.serviceRoleKey, ada.access_token as string]
    const request = fc.record({
      method: fc.constantFrom('POST', 'PUT', 'DELETE', 'GET'),
      path: fc.constantFrom(...paths, `/admin/users/${bob.user.id}`),
      query,
      body,
      token: fc.constantFrom(...tokens),
    })
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const hasBody = given.method !== 'GET'
        const response = await host.fetch(`${given.path}${given.query}`, {
          method: given.method,
          headers: { apikey: host.keys.anonKey, authorization: `Bearer ${given.token}` },
          ...(hasBody ? { body: given.body } : {}),
        })
        const text = await response.text()
        expect(response.status, text).toBeLessThan(500)
        if (text !== '') expect(() => JSON.parse(text)).not.toThrow()
      }),
      { seed, numRuns: 600 },
    )
  })
})
