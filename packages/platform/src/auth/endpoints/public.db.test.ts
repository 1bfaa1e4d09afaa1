import { describe, expect, it } from 'vitest'
import { useAuthHost } from '../tests/auth-host.ts'

describe('what everybody may ask', () => {
  const host = useAuthHost()

  it('is the keys that verify tokens, without an API key', async () => {
    const response = await host.fetch('/.well-known/jwks.json')
    expect(response.headers.get('cache-control')).toContain('max-age=600')
    expect(await response.json()).toEqual(host.keys.jwks)
    expect(JSON.stringify(host.keys.jwks)).not.toContain('"d":')
  })

  it('is the health, without an API key', async () => {
    const response = await host.fetch('/health')
    expect(await response.json()).toMatchObject({ name: 'Plinth' })
  })

  it('is the settings, with one', async () => {
    expect((await host.fetch('/settings')).status).toBe(401)
    const { body } = await host.send('/settings')
    expect(body).toMatchObject({
      external: { email: true, phone: false, google: false, anonymous_users: false },
      disable_signup: false,
      mailer_autoconfirm: true,
    })
    host.restart({ externalAnonymousUsersEnabled: true, disableSignup: true, mailerAutoconfirm: false })
    expect((await host.send('/settings')).body).toMatchObject({
      external: { anonymous_users: true },
      disable_signup: true,
      mailer_autoconfirm: false,
    })
    host.restart()
  })
})

describe('what lacks a session, a right or a field, and what this server does not have', () => {
  const host = useAuthHost({ url: 'https://plinth.example/sample' })

  it.each([
    ['POST', '/recover', 'validation_failed'],
    ['POST', '/resend', 'validation_failed'],
    ['POST', '/invite', 'not_admin'],
    ['POST', '/admin/generate_link', 'not_admin'],
    ['GET', '/reauthenticate', 'bad_jwt'],
    ['POST', '/otp', 'validation_failed'],
    ['POST', '/magiclink', 'validation_failed'],
    ['GET', '/verify?token=1', 'validation_failed'],
    ['GET', '/verify?token=1&type=sms', 'validation_failed'],
    ['GET', '/verify?token=1&type=__proto__', 'validation_failed'],
    ['POST', '/verify', 'validation_failed'],
    ['GET', '/authorize?provider=google', 'validation_failed'],
    ['GET', '/callback?code=1', 'bad_oauth_state'],
    ['GET', '/user/identities/authorize', 'manual_linking_disabled'],
    ['DELETE', '/user/identities/7', 'manual_linking_disabled'],
    ['POST', '/factors', 'validation_failed'],
    ['POST', '/factors/7/challenge', 'bad_jwt'],
    ['POST', '/factors/7/verify', 'validation_failed'],
    ['DELETE', '/factors/7', 'bad_jwt'],
    ['POST', '/sso', 'saml_provider_disabled'],
    ['GET', '/passkeys', 'passkey_disabled'],
    ['POST', '/passkeys/registration/options', 'passkey_disabled'],
    ['GET', '/oauth/authorizations/7', 'feature_disabled'],
    ['GET', '/admin/oauth/clients', 'not_admin'],
    ['GET', '/sso/saml/metadata', 'saml_provider_disabled'],
    ['POST', '/token?grant_type=id_token', 'validation_failed'],
    ['POST', '/token?grant_type=pkce', 'validation_failed'],
    ['POST', '/token?grant_type=web3', 'web3_provider_disabled'],
    ['GET', '/signup', 'not_found'],
    ['PATCH', '/user', 'not_found'],
    ['GET', '/no/such/thing', 'not_found'],
  ])('%s %s says %s', async (method, path, code) => {
    const { status, body } = await host.send(path, { method, ...(method === 'POST' ? { body: {} } : {}) })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(body).toMatchObject({ code: status, error_code: code, msg: expect.any(String) })
  })

  it('is told to supabase-js in a way that it understands', async () => {
    const { auth } = host.client()
    const outcomes = await Promise.all([
      auth.resetPasswordForEmail('ada@example.test'),
      auth.signInWithOtp({ email: 'ada@example.test' }),
      auth.signInWithOtp({ phone: '+4915112345678' }),
      auth.signInWithIdToken({ provider: 'google', token: 'x' }),
      auth.verifyOtp({ email: 'ada@example.test', token: '123456', type: 'email' }),
      auth.resend({ email: 'ada@example.test', type: 'signup' }),
    ])
    expect(outcomes.map(({ error }) => error?.code)).toEqual([
      'email_provider_disabled',
      'email_provider_disabled',
      'phone_provider_disabled',
      'provider_disabled',
      'otp_expired',
      'email_provider_disabled',
    ])
  })
})
