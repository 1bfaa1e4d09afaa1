import { TOTP } from 'otpauth'
import { beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../../database/index.ts'
import { useAuthHost } from '../../tests/auth-host.ts'

describe('second factors', () => {
  const host = useAuthHost({
    settings: {
      mfaPhoneEnrollEnabled: true,
      mfaPhoneVerifyEnabled: true,
      externalAnonymousUsersEnabled: true,
    },
    connections: { requests: 2, owner: 12 },
  })
  let count = 0
  let email: string
  let client: ReturnType<typeof host.client>

  beforeEach(async () => {
    count += 1
    email = `user-${count}@example.test`
    client = host.client(undefined, { experimental: { recoveryCodes: true } })
    await client.auth.signUp({ email, password: 'correct horse' })
  })
  /** Every code that an app would show is another one. */
  const nextCode = (uri: string) => {
    host.clock.advance(30_000)
    return uriTotp(uri).generate({ timestamp: host.clock.now().getTime() })
  }
  const uriTotp = (uri: string) =>
    new TOTP({ secret: new URL(uri).searchParams.get('secret')!, algorithm: 'SHA1', digits: 6, period: 30 })
  const enroll = async () => {
    const { data, error } = await client.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'app' })
    if (error) throw error
    return { id: data.id, uri: data.totp.uri, secret: data.totp.secret, qrCode: data.totp.qr_code }
  }
  const enrollVerified = async () => {
    const factor = await enroll()
    const { error } = await client.auth.mfa.challengeAndVerify({
      factorId: factor.id,
      code: nextCode(factor.uri),
    })
    expect(error).toBeNull()
    return factor
  }
  const signInAgain = async () => {
    client = host.client(undefined, { experimental: { recoveryCodes: true } })
    await client.auth.signInWithPassword({ email, password: 'correct horse' })
  }
  const level = async () => (await client.auth.mfa.getAuthenticatorAssuranceLevel()).data

  it('raise a session to aal2 with an authenticator app', async () => {
    const factor = await enroll()
    expect(factor.uri).toMatch(/^otpauth:\/\/totp\//)
    expect(factor.qrCode).toMatch(/^data:image\/svg\+xml/)
    expect((await client.auth.mfa.listFactors()).data?.totp).toEqual([])
    expect(await level()).toMatchObject({ currentLevel: 'aal1' })
    await client.auth.mfa.challengeAndVerify({ factorId: factor.id, code: nextCode(factor.uri) })
    expect(await level()).toMatchObject({
      currentLevel: 'aal2',
      nextLevel: 'aal2',
      currentAuthenticationMethods: [{ method: 'totp' }, { method: 'password' }],
    })
    expect((await client.auth.refreshSession()).error).toBeNull()
    expect(await level()).toMatchObject({ currentLevel: 'aal2' })
    await signInAgain()
    expect(await level()).toMatchObject({ currentLevel: 'aal1', nextLevel: 'aal2' })
    expect((await client.auth.mfa.listFactors()).data?.totp).toMatchObject([
      { id: factor.id, status: 'verified' },
    ])
  })

  it('keep the secret sealed', async () => {
    const factor = await enroll()
    const { rows } = await host.database.asOwner<{ text: string }>(
      sql`select f::text as text from auth.mfa_factors f where f.id = ${factor.id}`,
    )
    expect(rows[0]!.text).not.toContain(factor.secret)
  })

  it('take a code once, also for a new challenge', async () => {
    const factor = await enroll()
    const code = nextCode(factor.uri)
    await client.auth.mfa.challengeAndVerify({ factorId: factor.id, code })
    await signInAgain()
    const { error } = await client.auth.mfa.challengeAndVerify({ factorId: factor.id, code })
    expect(error).toMatchObject({ status: 422, code: 'mfa_verification_failed' })
  })

  it('take an answer to one challenge from one of many', async () => {
    const factor = await enroll()
    const { data } = await client.auth.mfa.challenge({ factorId: factor.id })
    const token = (await client.auth.getSession()).data.session!.access_token
    const code = nextCode(factor.uri)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        host.post(`/factors/${factor.id}/verify`, { challenge_id: data!.id, code }, { token }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('end a challenge after five wrong answers or its time', async () => {
    const factor = await enroll()
    const challenge = async () => (await client.auth.mfa.challenge({ factorId: factor.id })).data!.id
    const answer = (challengeId: string, code: string) =>
      client.auth.mfa.verify({ factorId: factor.id, challengeId, code })
    const first = await challenge()
    for (let index = 0; index < 5; index += 1)
      expect((await answer(first, 'no code')).error?.code).toBe('mfa_verification_failed')
    expect((await answer(first, nextCode(factor.uri))).error?.code).toBe('mfa_challenge_expired')
    const second = await challenge()
    host.clock.advance(300_000)
    expect((await answer(second, nextCode(factor.uri))).error?.code).toBe('mfa_challenge_expired')
  })

  it('are limited for each user, whatever the challenge', async () => {
    host.restart({ rateLimitWrongPasswords: 3 })
    const factor = await enroll()
    const guess = () => client.auth.mfa.challengeAndVerify({ factorId: factor.id, code: '000000' })
    for (let index = 0; index < 3; index += 1)
      expect((await guess()).error?.code).toBe('mfa_verification_failed')
    expect((await guess()).error).toMatchObject({ status: 429, code: 'over_request_rate_limit' })
    host.restart()
  })

  it('guard what guards the account', async () => {
    const factor = await enrollVerified()
    await signInAgain()
    expect((await client.auth.updateUser({ password: 'another password' })).error?.code).toBe(
      'insufficient_aal',
    )
    expect((await client.auth.updateUser({ data: { theme: 'dark' } })).error).toBeNull()
    expect((await client.auth.mfa.unenroll({ factorId: factor.id })).error?.code).toBe('insufficient_aal')
    const second = await client.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'attacker' })
    expect(second.error?.code).toBe('insufficient_aal')
  })

  it('end weaker sessions when one is verified', async () => {
    const other = host.client()
    await other.auth.signInWithPassword({ email, password: 'correct horse' })
    await enrollVerified()
    expect((await other.auth.getUser()).data.user).toBeNull()
    expect((await client.auth.getUser()).data.user?.email).toBe(email)
  })

  it('are removed at aal2, which lowers the sessions', async () => {
    const factor = await enrollVerified()
    expect((await client.auth.mfa.unenroll({ factorId: factor.id })).data).toEqual({ id: factor.id })
    await client.auth.refreshSession()
    expect(await level()).toMatchObject({ currentLevel: 'aal1', nextLevel: 'aal1' })
  })

  it('may be a phone', async () => {
    const { data } = await client.auth.mfa.enroll({ factorType: 'phone', phone: '+4915100000001' })
    const { data: challenge } = await client.auth.mfa.challenge({ factorId: data!.id })
    const [message] = await host.messagesTo('4915100000001')
    const code = /\d{6}/.exec(message!.body)![0]
    const factorId = data!.id
    const { error } = await client.auth.mfa.verify({ factorId, challengeId: challenge!.id, code })
    expect(error).toBeNull()
    expect(await level()).toMatchObject({ currentLevel: 'aal2' })
    const taken = await client.auth.mfa.enroll({ factorType: 'phone', phone: '+4915100000001' })
    expect(taken.error?.code).toBe('mfa_verified_factor_exists')
  })

  it('have recovery codes, each good once', async () => {
    const { recoveryCodes } = client.auth.mfa
    expect((await recoveryCodes.getStatus()).error?.code).toBe('mfa_factor_not_found')
    expect((await recoveryCodes.generate()).error?.code).toBe('mfa_recovery_codes_sole_factor')
    const factor = await enrollVerified()
    const { data } = await client.auth.mfa.recoveryCodes.generate({ friendlyName: 'backup' })
    expect(data).toMatchObject({ type: 'recovery_code', total: 10, friendly_name: 'backup' })
    expect(new Set(data!.codes).size).toBe(10)
    expect((await recoveryCodes.generate()).error?.code).toBe('mfa_verified_factor_exists')
    expect((await client.auth.mfa.unenroll({ factorId: factor.id })).error?.code).toBe(
      'mfa_recovery_codes_sole_factor',
    )
    await signInAgain()
    host.clock.advance(1000)
    const typed = data!.codes[0]!.toUpperCase().replace(/(.{4})(?=.)/g, '$1-')
    const { error } = await client.auth.mfa.recoveryCodes.verify({ code: typed })
    expect(error).toBeNull()
    expect(await level()).toMatchObject({
      currentLevel: 'aal2',
      currentAuthenticationMethods: [{ method: 'mfa/recovery_code' }, { method: 'password' }],
    })
    expect((await client.auth.mfa.recoveryCodes.getStatus()).data).toMatchObject({ total: 10, remaining: 9 })
    await signInAgain()
    expect((await client.auth.mfa.recoveryCodes.verify({ code: typed })).error?.code).toBe(
      'mfa_verification_failed',
    )
    expect((await client.auth.mfa.recoveryCodes.regenerate()).error?.code).toBe('insufficient_aal')
    await client.auth.mfa.recoveryCodes.verify({ code: data!.codes[1]! })
    const renewed = await client.auth.mfa.recoveryCodes.regenerate()
    expect(renewed.data?.codes).not.toContain(data!.codes[2])
    expect((await client.auth.mfa.recoveryCodes.unenroll()).error).toBeNull()
    expect((await recoveryCodes.getStatus()).error?.code).toBe('mfa_factor_not_found')
  })

  it('are listed and removed by an administrator, for who has lost theirs', async () => {
    const factor = await enrollVerified()
    await client.auth.mfa.recoveryCodes.generate()
    const { admin } = host.client(host.keys.serviceRoleKey).auth
    const { data: user } = await client.auth.getUser()
    const userId = user.user!.id
    expect((await admin.mfa.listFactors({ userId })).data?.factors).toHaveLength(2)
    expect((await admin.mfa.deleteFactor({ userId, id: factor.id })).error).toBeNull()
    expect((await admin.mfa.listFactors({ userId })).data?.factors).toEqual([])
    const again = await admin.mfa.deleteFactor({ userId, id: factor.id })
    expect(again.error?.code).toBe('mfa_factor_not_found')
  })

  it('belong to one user', async () => {
    const factor = await enroll()
    const { body } = await host.signUp(`thief-${count}@example.test`)
    const asThief = { token: body.access_token as string }
    const challenged = await host.post(`/factors/${factor.id}/challenge`, {}, asThief)
    expect(challenged).toMatchObject({ status: 404, body: { error_code: 'mfa_factor_not_found' } })
    const removed = await host.send(`/factors/${factor.id}`, { method: 'DELETE', ...asThief })
    expect(removed).toMatchObject({ status: 404, body: { error_code: 'mfa_factor_not_found' } })
  })

  it('are bounded, with names of their own', async () => {
    await enroll()
    const same = await client.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'app' })
    expect(same.error?.code).toBe('mfa_factor_name_conflict')
    host.restart({ mfaMaxEnrolledFactors: 1 })
    const more = await client.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'other' })
    expect(more.error?.code).toBe('too_many_enrolled_mfa_factors')
    host.restart()
  })

  it.each([
    [{ mfaTotpEnrollEnabled: false }, 'totp', 'mfa_totp_enroll_not_enabled'],
    [{ mfaPhoneEnrollEnabled: false }, 'phone', 'mfa_phone_enroll_not_enabled'],
    [{}, 'webauthn', 'mfa_webauthn_enroll_not_enabled'],
    [{}, 'pigeon', 'validation_failed'],
  ])('with %j are refused as %s: %s', async (settings, factor_type, code) => {
    host.restart(settings)
    const token = (await client.auth.getSession()).data.session!.access_token
    const answer = await host.post('/factors', { factor_type, phone: '+49151' }, { token })
    expect(answer.body.error_code).toBe(code)
    host.restart()
  })

  it('are not answered where they are switched off', async () => {
    const factor = await enroll()
    const { data } = await client.auth.mfa.enroll({ factorType: 'phone', phone: '+4915100000002' })
    host.restart({
      mfaTotpVerifyEnabled: false,
      mfaPhoneVerifyEnabled: false,
      mfaRecoveryCodesEnabled: false,
    })
    const challenge = async (factorId: string) => (await client.auth.mfa.challenge({ factorId })).error?.code
    expect(await challenge(factor.id)).toBe('mfa_totp_verify_not_enabled')
    expect(await challenge(data!.id)).toBe('mfa_phone_verify_not_enabled')
    expect((await client.auth.mfa.recoveryCodes.generate()).error?.code).toBe(
      'mfa_recovery_codes_enroll_not_enabled',
    )
    host.restart()
  })
})
