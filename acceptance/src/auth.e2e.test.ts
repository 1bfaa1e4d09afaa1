import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must } from './clients.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

/** Every method of supabase-js's `auth`, `auth.admin` and `auth.mfa`, against a server that a person started. */
const environment = {
  PLINTH_SHOPS_AUTH_MAILER_AUTOCONFIRM: 'false',
  PLINTH_SHOPS_AUTH_EXTERNAL_ANONYMOUS_USERS_ENABLED: 'true',
  PLINTH_SHOPS_AUTH_EXTERNAL_PHONE_ENABLED: 'true',
  PLINTH_SHOPS_AUTH_SECURITY_MANUAL_LINKING_ENABLED: 'true',
  PLINTH_SHOPS_AUTH_MAILER_TEST_OTP: 'review@example.test=424242',
  PLINTH_SHOPS_AUTH_SMS_TEST_OTP: '4915112345678=123456',
}

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir, port: 54_731, environment, arguments: ['shops'] })
})
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

const shops = () => plinth.systems.shops!
const admin = () => connectAsService(shops()).auth.admin

interface Message {
  readonly recipient: string
  readonly body: string
}

/** The newest message to somebody, as a developer reads it in the inbox. */
async function readMessage(recipient: string): Promise<string> {
  const url = `${shops().api_url}/inbox/messages?recipient=${encodeURIComponent(recipient)}`
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(url, { headers: { apikey: shops().service_role_key } })
    const [message] = (await answer.json()) as Message[]
    if (message) return message.body
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no message to ${recipient}`)
}
const codeOf = (message: string) => /code: (\d{6})/.exec(message)![1]!
const linkOf = (message: string) => /https?:\/\/\S+\/verify\?\S+/.exec(message)![0]

async function signUpConfirmed(email: string, client: SupabaseClient = connect(shops())) {
  must(await client.auth.signUp({ email, password: 'correct horse' }))
  const token = codeOf(await readMessage(email))
  const { user } = must(await client.auth.verifyOtp({ email, token, type: 'signup' }))
  return { client, id: user!.id, email }
}

describe('auth', () => {
  it('signUp, resend, verifyOtp, signInWithPassword, getSession, getUser, getClaims, signOut', async () => {
    const client = connect(shops())
    const seen: string[] = []
    const { data: listening } = client.auth.onAuthStateChange((event) => void seen.push(event))
    await client.auth.initialize()
    await client.auth.stopAutoRefresh()
    await client.auth.startAutoRefresh()
    const { email } = await signUpConfirmed('ada@example.test', client)
    expect(must(await client.auth.getSession()).session?.user.email).toBe(email)
    expect(must(await client.auth.getUser()).user.email).toBe(email)
    expect(must(await client.auth.getClaims()).claims.aal).toBe('aal1')
    expect((await client.auth.signOut({ scope: 'others' })).error).toBeNull()
    expect((await client.auth.signOut({ scope: 'local' })).error).toBeNull()
    must(await client.auth.signInWithPassword({ email, password: 'correct horse' }))
    expect((await client.auth.signOut()).error).toBeNull()
    listening.subscription.unsubscribe()
    expect(seen).toEqual(expect.arrayContaining(['SIGNED_IN', 'SIGNED_OUT']))
    expect((await client.auth.resend({ email: 'nobody@example.test', type: 'signup' })).error).toBeNull()
  })

  it('signInWithOtp by mail, by SMS and by a fixed code', async () => {
    const client = connect(shops())
    must(await client.auth.signInWithOtp({ email: 'bob@example.test' }))
    const token = codeOf(await readMessage('bob@example.test'))
    must(await client.auth.verifyOtp({ email: 'bob@example.test', token, type: 'email' }))
    must(await client.auth.signInWithOtp({ email: 'review@example.test' }))
    must(await client.auth.verifyOtp({ email: 'review@example.test', token: '424242', type: 'email' }))
    must(await client.auth.signInWithOtp({ phone: '+4915112345678' }))
    must(await client.auth.verifyOtp({ phone: '+4915112345678', token: '123456', type: 'sms' }))
  })

  it('the link of a mail, exchangeCodeForSession (PKCE) and setSession', async () => {
    const values = new Map<string, string>()
    const storage = {
      getItem: (key: string) => values.get(key) ?? null,
      setItem: (key: string, value: string) => void values.set(key, value),
      removeItem: (key: string) => void values.delete(key),
    }
    const client = createClient(shops().api_url, shops().anon_key, { auth: { flowType: 'pkce', storage } })
    must(await client.auth.signInWithOtp({ email: 'cleo@example.test' }))
    const answer = await fetch(linkOf(await readMessage('cleo@example.test')), { redirect: 'manual' })
    const code = new URL(answer.headers.get('location')!).searchParams.get('code')!
    const { session } = must(await client.auth.exchangeCodeForSession(code))
    const { access_token, refresh_token } = session
    must(await connect(shops()).auth.setSession({ access_token, refresh_token }))
    must(await client.auth.refreshSession())
    client.auth.dispose()
  })

  it('resetPasswordForEmail, updateUser and reauthenticate', async () => {
    const account = async (email: string) => {
      must(await admin().createUser({ email, password: 'given password', email_confirm: true }))
      const client = connect(shops())
      must(await client.auth.signInWithPassword({ email, password: 'given password' }))
      return client
    }
    const email = 'dora@example.test'
    const client = await account(email)
    must(await client.auth.resetPasswordForEmail(email))
    expect(linkOf(await readMessage(email))).toContain('type=recovery')
    must(await client.auth.updateUser({ password: 'another password', data: { theme: 'dark' } }))
    must(await client.auth.signInWithPassword({ email, password: 'another password' }))
    const other = await account('dan@example.test')
    expect((await other.auth.reauthenticate()).error).toBeNull()
    expect(codeOf(await readMessage('dan@example.test'))).toMatch(/\d{6}/)
  })

  it('signInAnonymously and getUserIdentities', async () => {
    const client = connect(shops())
    expect(must(await client.auth.signInAnonymously()).user?.is_anonymous).toBe(true)
    expect(must(await client.auth.getUserIdentities()).identities).toEqual([])
  })

  it('providers that are not switched on say so', async () => {
    const { client } = await signUpConfirmed('eve@example.test')
    const { data: oauth } = await client.auth.signInWithOAuth({
      provider: 'google',
      options: { skipBrowserRedirect: true },
    })
    expect(await (await fetch(oauth.url!)).json()).toMatchObject({ error_code: 'validation_failed' })
    const codes = [
      await client.auth.signInWithIdToken({ provider: 'google', token: 'x' }),
      await client.auth.signInWithSSO({ domain: 'example.test' }),
      await client.auth.linkIdentity({ provider: 'google', options: { skipBrowserRedirect: true } }),
    ].map(({ error }) => error?.code)
    expect(codes).toEqual(['provider_disabled', 'saml_provider_disabled', 'validation_failed'])
    const { identities } = must(await client.auth.getUserIdentities())
    const unlinked = await client.auth.unlinkIdentity(identities[0]!)
    expect(unlinked.error?.code).toBe('single_identity_not_deletable')
  })
})

describe('auth.mfa', () => {
  it('enroll, challenge, verify, levels, recovery codes, unenroll', async () => {
    const client = createClient(shops().api_url, shops().anon_key, {
      auth: { experimental: { recoveryCodes: true } },
    })
    await signUpConfirmed('fay@example.test', client)
    const { mfa } = client.auth
    const factor = must(await mfa.enroll({ factorType: 'totp', friendlyName: 'app' }))
    if (factor.type !== 'totp') throw new Error('no authenticator app')
    const code = new TOTP({ secret: factor.totp.secret }).generate()
    const challenge = must(await mfa.challenge({ factorId: factor.id }))
    must(await mfa.verify({ factorId: factor.id, challengeId: challenge.id, code }))
    expect(must(await mfa.getAuthenticatorAssuranceLevel()).currentLevel).toBe('aal2')
    expect(must(await mfa.listFactors()).totp).toHaveLength(1)
    const again = await mfa.challengeAndVerify({ factorId: factor.id, code })
    expect(again.error?.code).toBe('mfa_verification_failed')
    const { codes } = must(await mfa.recoveryCodes.generate())
    must(await mfa.recoveryCodes.verify({ code: codes[0]! }))
    expect(must(await mfa.recoveryCodes.getStatus()).remaining).toBe(9)
    must(await mfa.recoveryCodes.regenerate())
    must(await mfa.recoveryCodes.unenroll())
    must(await mfa.unenroll({ factorId: factor.id }))
  })
})

describe('auth.admin', () => {
  it('createUser, getUserById, listUsers, updateUserById, signOut, deleteUser', async () => {
    const { user } = must(
      await admin().createUser({
        email: 'gil@example.test',
        password: 'given password',
        email_confirm: true,
      }),
    )
    const client = connect(shops())
    const { session } = must(
      await client.auth.signInWithPassword({ email: 'gil@example.test', password: 'given password' }),
    )
    must(await admin().getUserById(user!.id))
    expect(must(await admin().listUsers()).users.length).toBeGreaterThan(0)
    must(await admin().updateUserById(user!.id, { user_metadata: { name: 'Gil' } }))
    expect((await admin().signOut(session!.access_token)).error).toBeNull()
    expect((await client.auth.refreshSession()).error).not.toBeNull()
    must(await admin().deleteUser(user!.id))
  })

  it('generateLink and inviteUserByEmail', async () => {
    const { properties } = must(await admin().generateLink({ type: 'invite', email: 'hal@example.test' }))
    const client = connect(shops())
    must(await client.auth.verifyOtp({ token_hash: properties.hashed_token, type: 'invite' }))
    must(await admin().inviteUserByEmail('ida@example.test'))
    expect(linkOf(await readMessage('ida@example.test'))).toContain('type=invite')
  })

  it('mfa.listFactors and mfa.deleteFactor', async () => {
    const { client, id } = await signUpConfirmed('jan@example.test')
    const factor = must(await client.auth.mfa.enroll({ factorType: 'totp' }))
    expect(must(await admin().mfa.listFactors({ userId: id })).factors).toHaveLength(1)
    must(await admin().mfa.deleteFactor({ userId: id, id: factor.id }))
  })

  it('what this server does not have yet is disabled', async () => {
    const client = createClient(shops().api_url, shops().service_role_key, {
      auth: { persistSession: false, experimental: { passkey: true } },
    })
    const answers = [
      await client.auth.admin.oauth.listClients(),
      await client.auth.admin.customProviders.listProviders(),
      await client.auth.admin.passkey.listPasskeys({ userId: crypto.randomUUID() }),
    ]
    for (const { error } of answers) expect(error?.code).toMatch(/disabled$/)
  })
})

describe('the inbox', () => {
  it('is closed to strangers', async () => {
    const read = (key: string) => fetch(`${shops().api_url}/inbox/messages`, { headers: { apikey: key } })
    expect((await read(shops().anon_key)).status).toBe(403)
    expect((await read('nonsense')).status).toBe(401)
    expect((await fetch(`${shops().api_url}/inbox`)).status).toBe(200)
  })
})
