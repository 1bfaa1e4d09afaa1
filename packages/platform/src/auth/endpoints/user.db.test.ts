import { SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../kernel/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

describe('the signed-in user', () => {
  const host = useAuthHost({ settings: { externalAnonymousUsersEnabled: true } })
  let count = 0
  let email: string
  let token: string
  let userId: string

  beforeEach(async () => {
    count += 1
    email = `user-${count}@example.test`
    const { body } = await host.signUp(email, 'correct horse', { name: 'Ada', theme: 'light' })
    token = body.access_token
    userId = body.user.id
  })
  const getUser = (bearer: string) => host.send('/user', { token: bearer })
  const putUser = (body: unknown, bearer = token) =>
    host.send('/user', { method: 'PUT', body, token: bearer })
  const claimsOf = (jwt: string): JsonObject => JSON.parse(atob(jwt.split('.')[1]!))

  it('sees the account as it is now, not as the token has it', async () => {
    await host.asService('PUT', `/admin/users/${userId}`, { app_metadata: { plan: 'pro' } })
    const { status, body } = await getUser(token)
    expect(status).toBe(200)
    expect(body).toMatchObject({ id: userId, email, app_metadata: { plan: 'pro' } })
    expect(body).not.toHaveProperty('encrypted_password')
  })

  describe('with a token that is not good', () => {
    const expectBadJwt = async (bearer: string) => {
      const { status, body } = await getUser(bearer)
      expect({ status, code: body.error_code }).toEqual({ status: 403, code: 'bad_jwt' })
    }
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

    it('is refused when a claim was altered', async () => {
      const [head, , signature] = token.split('.')
      await expectBadJwt(`${head}.${part({ ...claimsOf(token), role: 'service_role' })}.${signature}`)
    })

    it('is refused when any byte of the signature was altered', async () => {
      const at = token.lastIndexOf('.') + 5
      await expectBadJwt(`${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`)
    })

    it('is refused unsigned', async () => {
      for (const alg of ['none', 'None', 'nOnE']) {
        await expectBadJwt(`${part({ alg, typ: 'JWT' })}.${part(claimsOf(token))}.`)
      }
    })

    it('is refused when the public key was taken for a secret', async () => {
      const secret = new TextEncoder().encode(JSON.stringify(host.keys.jwks.keys[0]))
      await expectBadJwt(await new SignJWT(claimsOf(token)).setProtectedHeader({ alg: 'HS256' }).sign(secret))
    })

    it('is refused when another project signed it', async () => {
      await expectBadJwt(await host.foreignKeys.sign(claimsOf(token)))
    })

    it('is refused when it has expired', async () => {
      host.clock.advance(3_600_000)
      await expectBadJwt(token)
    })

    it.each(['', 'x', 'a.b.c', '....', 'null'])('is refused as %j', async (bearer) => {
      const { status } = await getUser(bearer)
      expect([401, 403]).toContain(status)
    })
  })

  it('is nobody with an API key alone', async () => {
    expect(await host.send('/user')).toMatchObject({
      status: 403,
      body: { error_code: 'bad_jwt', msg: 'invalid claim: missing sub claim' },
    })
    const response = await host.fetch('/user', { headers: { apikey: host.keys.anonKey } })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ error_code: 'no_authorization' })
    const keyless = await host.fetch('/user')
    expect(await keyless.json()).toMatchObject({ code: 401, error_code: 'no_authorization' })
  })

  it.each([
    [{ sub: 'ada' }, 'bad_jwt'],
    [{ sub: '' }, 'bad_jwt'],
    [{ sub: '00000000-0000-4000-8000-000000000000' }, 'user_not_found'],
    [{ session_id: 'x' }, 'bad_jwt'],
    [{ session_id: 7 }, 'bad_jwt'],
    [{ session_id: '00000000-0000-4000-8000-000000000000' }, 'session_not_found'],
  ])('is refused with %j in a token of this project: %s', async (claims, code) => {
    const signed = await host.keys.sign({ ...claimsOf(token), ...claims })
    expect(await getUser(signed)).toMatchObject({ status: 403, body: { error_code: code } })
  })

  it('has no right to the session of somebody else', async () => {
    const { body: other } = await host.signUp(`other-${count}@example.test`)
    const signed = await host.keys.sign({
      ...claimsOf(token),
      session_id: claimsOf(other.access_token).session_id!,
    })
    expect(await getUser(signed)).toMatchObject({ body: { error_code: 'session_not_found' } })
  })

  it('may come with a token that was signed by hand, without a session', async () => {
    const { session_id: _, ...claims } = claimsOf(token)
    expect((await getUser(await host.keys.sign(claims))).body.id).toBe(userId)
  })

  it('is refused while banned', async () => {
    await host.asService('PUT', `/admin/users/${userId}`, { ban_duration: '1h' })
    expect(await getUser(token)).toMatchObject({ body: { error_code: 'user_banned' } })
  })

  it('changes metadata key by key, and removes a key with null', async () => {
    const { status, body } = await putUser({ data: { theme: null, size: 3 } })
    expect(status).toBe(200)
    expect(body.user_metadata).toEqual({ name: 'Ada', size: 3 })
  })

  it('loses no metadata when tabs change it at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => putUser({ data: { [`key${index}`]: index } })),
    )
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(Object.keys((await getUser(token)).body.user_metadata)).toHaveLength(22)
  })

  it('cannot grow metadata past what fits into a token', async () => {
    expect((await putUser({ data: { a: 'x'.repeat(4000) } })).status).toBe(200)
    expect(await putUser({ data: { b: 'x'.repeat(4000) } })).toMatchObject({
      status: 400,
      body: { error_code: 'validation_failed' },
    })
    expect((await getUser(token)).body.user_metadata).not.toHaveProperty('b')
  })

  it('cannot give itself rights', async () => {
    expect(await putUser({ app_metadata: { role: 'admin' } })).toMatchObject({
      status: 403,
      body: { error_code: 'not_admin' },
    })
    const { body } = await putUser({ role: 'service_role', id: host.keys.ref, email_confirm: true, data: {} })
    expect(body).toMatchObject({ id: userId, role: 'authenticated' })
  })

  it('changes the address, and signs in with the new one only', async () => {
    const { body } = await putUser({ email: `New-${email}` })
    expect(body).toMatchObject({
      email: `new-${email}`,
      identities: [
        { email: `new-${email}`, identity_data: { email: `new-${email}`, email_verified: false } },
      ],
    })
    expect((await host.signIn(email)).status).toBe(400)
    expect((await host.signIn(`new-${email}`)).status).toBe(200)
  })

  it('cannot take an address that is taken', async () => {
    await host.signUp(`taken-${count}@example.test`)
    expect(await putUser({ email: `TAKEN-${count}@example.test`, data: { lost: true } })).toMatchObject({
      status: 422,
      body: { error_code: 'email_exists' },
    })
    expect((await getUser(token)).body.user_metadata).not.toHaveProperty('lost')
  })

  it('ends all other sessions by a new password', async () => {
    const { body: other } = await host.signIn(email)
    expect((await putUser({ password: 'a new password' })).status).toBe(200)
    expect((await getUser(token)).status).toBe(200)
    expect((await getUser(other.access_token)).body.error_code).toBe('session_not_found')
    expect((await host.refresh(other.refresh_token)).body.error_code).toBe('refresh_token_not_found')
    expect((await host.signIn(email)).body.error_code).toBe('invalid_credentials')
    expect((await host.signIn(email, 'a new password')).status).toBe(200)
  })

  it.each([
    [{ password: 'correct horse' }, 422, 'same_password'],
    [{ password: 'short' }, 422, 'weak_password'],
    [{ email: 'no address' }, 400, 'validation_failed'],
    [{ phone: '123456' }, 422, 'phone_provider_disabled'],
    [{ data: [1] }, 400, 'validation_failed'],
    ['{', 400, 'bad_json'],
  ])('may not send %j: %i %s', async (body, status, code) => {
    expect(await putUser(body)).toMatchObject({ status, body: { error_code: code } })
  })

  it('gives an anonymous account no password without an address', async () => {
    const { body } = await host.post('/signup', { data: {} })
    expect(body.user.is_anonymous).toBe(true)
    expect(await putUser({ password: 'a new password' }, body.access_token)).toMatchObject({
      status: 400,
      body: { error_code: 'validation_failed' },
    })
  })
})
