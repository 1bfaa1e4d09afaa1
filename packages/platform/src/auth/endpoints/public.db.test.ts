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
    host.restart({ anonymousSignIns: true, signUps: false, autoConfirm: false })
    expect((await host.send('/settings')).body).toMatchObject({
      external: { anonymous_users: true },
      disable_signup: true,
      mailer_autoconfirm: false,
    })
    host.restart()
  })
})

describe('what this server does not have', () => {
  const host = useAuthHost()

  it.each([
    ['POST', '/recover', 'email_provider_disabled'],
    ['POST', '/resend', 'email_provider_disabled'],
    ['POST', '/invite', 'email_provider_disabled'],
    ['POST', '/admin/generate_link', 'email_provider_disabled'],
    ['GET', '/reauthenticate', 'email_provider_disabled'],
    ['POST', '/otp', 'otp_disabled'],
    ['POST', '/magiclink', 'otp_disabled'],
    ['GET', '/verify?token=1&type=signup', 'otp_disabled'],
    ['POST', '/verify', 'otp_disabled'],
    ['GET', '/authorize?provider=google', 'validation_failed'],
    ['GET', '/callback?code=1', 'validation_failed'],
    ['GET', '/user/identities/authorize', 'manual_linking_disabled'],
    ['DELETE', '/user/identities/7', 'manual_linking_disabled'],
    ['POST', '/factors', 'mfa_totp_enroll_not_enabled'],
    ['POST', '/factors/7/challenge', 'mfa_factor_not_found'],
    ['POST', '/factors/7/verify', 'mfa_factor_not_found'],
    ['DELETE', '/factors/7', 'mfa_factor_not_found'],
    ['POST', '/sso', 'saml_provider_disabled'],
    ['GET', '/sso/saml/metadata', 'saml_provider_disabled'],
    ['POST', '/token?grant_type=id_token', 'provider_disabled'],
    ['POST', '/token?grant_type=pkce', 'flow_state_not_found'],
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
      auth.signInWithIdToken({ provider: 'google', token: 'x' }),
      auth.verifyOtp({ email: 'ada@example.test', token: '123456', type: 'email' }),
      auth.resend({ email: 'ada@example.test', type: 'signup' }),
    ])
    expect(outcomes.map(({ error }) => error?.code)).toEqual([
      'email_provider_disabled',
      'otp_disabled',
      'provider_disabled',
      'otp_disabled',
      'email_provider_disabled',
    ])
  })
})
