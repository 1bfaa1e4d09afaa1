import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeProtectedHeader, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openProjectKeys } from './create-project-keys.ts'
import { signingKeyList } from './signing-keys.ts'

const instant = new Date('2026-01-15T12:00:00Z')
const clock = { now: () => instant }
const later = { now: () => new Date(instant.getTime() + 3_600_001) }
const inSeconds = (date: Date) => Math.floor(date.getTime() / 1000)

describe('project keys', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-keys-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const open = (ref: string) => openProjectKeys(ref, join(folder, 'secrets', `${ref}.json`), clock)
  const claims = { sub: 'ada', role: 'authenticated', exp: inSeconds(instant) + 3600 }

  it('stay the same when opened again, in a file that only its owner reads', async () => {
    const [first, second] = await Promise.all([open('shops'), open('shops')])
    expect(second.anonKey).toBe(first.anonKey)
    expect((await open('shops')).serviceRoleKey).toBe(first.serviceRoleKey)
    expect((await stat(join(folder, 'secrets', 'shops.json'))).mode & 0o777).toBe(0o600)
  })

  it('verify their own API keys and users’ tokens', async () => {
    const keys = await open('shops')
    expect(await keys.verify(keys.anonKey, clock)).toMatchObject({ role: 'anon', ref: 'shops' })
    expect(await keys.verify(await keys.sign(claims), clock)).toEqual(claims)
  })

  it('refuse an expired token, also one they have seen while it was good', async () => {
    const keys = await open('shops')
    const token = await keys.sign(claims)
    await keys.verify(token, clock)
    await expect(keys.verify(token, later)).rejects.toMatchObject({ code: 'expired_token' })
  })

  it.each([
    ['of another project', async () => (await open('courses')).sign(claims)],
    ['key of another project', async () => (await open('courses')).anonKey],
    ['that was altered', async () => flipLastCharacter(await (await open('shops')).sign(claims))],
    ['without a signature', async () => unsigned({ ...claims, role: 'service_role' })],
    ['signed with the public key as an HMAC secret', async () => forgedWithPublicKey(await open('shops'))],
    [
      'that is not valid yet',
      async () => (await open('shops')).sign({ ...claims, nbf: inSeconds(instant) + 600 }),
    ],
    ['whose end is no number', async () => (await open('shops')).sign({ ...claims, exp: 'never' })],
    ['that names another key of this project', async () => withKid(await (await open('shops')).sign(claims))],
    ['that is no token', async () => 'not.a.token'],
    ['of a megabyte', async () => 'a'.repeat(1_000_000)],
  ])('refuse a token %s', async (_case, make) => {
    const keys = await open('shops')
    await expect(keys.verify(await make(), clock)).rejects.toMatchObject({
      code: 'invalid_token',
      status: 401,
    })
  })
})

describe('keys that a project brings along', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-keys-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const make = async (alg: string) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    return { ...(await exportJWK(privateKey)), alg }
  }
  const open = (jwtKeys: JWK[] = []) =>
    openProjectKeys('shops', join(folder, 'shops.json'), clock, { jwtKeys })
  const claims = { sub: 'ada', role: 'authenticated', exp: inSeconds(instant) + 3600 }

  it.each(['RS256', 'ES256', 'EdDSA'])('sign with %s and publish no private part', async (alg) => {
    const keys = await open([await make(alg)])
    const token = await keys.sign(claims)
    expect(decodeProtectedHeader(token)).toMatchObject({ alg, kid: keys.jwks.keys[0]!.kid })
    expect(await keys.verify(token, clock)).toEqual(claims)
    for (const key of keys.jwks.keys)
      for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(part)
  })

  it('take over without a gap: what the one before has signed stays valid, and goes when it is taken away', async () => {
    const [old, next] = [await make('ES256'), await make('RS256')]
    const before = await (await open([old])).sign(claims)
    const during = await open([next, { ...old, key_ops: ['verify'] }])
    expect(await during.verify(before, clock)).toEqual(claims)
    expect(decodeProtectedHeader(await during.sign(claims)).alg).toBe('RS256')
    const after = await open([next])
    await expect(after.verify(before, clock)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  it('are refused where another algorithm is named for a key, or its public part is taken for a secret', async () => {
    const rsa = await make('RS256')
    const keys = await open([rsa])
    const { kid } = keys.jwks.keys[0]!
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const unsignedByKid = `${encode({ alg: 'none', kid })}.${encode(claims)}.`
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: kid! })
      .sign(new TextEncoder().encode(JSON.stringify(keys.jwks.keys[0])))
    const otherRsa = await (await open([await make('RS256')])).sign(claims)
    for (const token of [unsignedByKid, hmac, otherRsa])
      await expect(keys.verify(token, clock)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  it('are read from JSON, and refused without repeating them', async () => {
    const key = await make('ES256')
    expect(signingKeyList.parse(JSON.stringify([key]))).toHaveLength(1)
    for (const text of [
      '',
      '[]',
      '{}',
      JSON.stringify([{ kty: 'oct', k: 'geheim' }]),
      JSON.stringify([{ ...key, d: undefined }]),
    ]) {
      const { error } = signingKeyList.safeParse(text)
      expect(error?.issues[0]?.message).toContain('JSON list')
      expect(error?.message).not.toContain('geheim')
    }
  })

  it('go with Supabase’s demo keys where a person sets their secret', async () => {
    const secret = 'super-secret-jwt-token-with-at-least-32-characters-long'
    const keys = await openProjectKeys('shops', join(folder, 'shops.json'), clock, { jwtSecret: secret })
    const sign = (role: string) =>
      new SignJWT({ iss: 'supabase-demo', role, exp: 1_983_812_996 })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(new TextEncoder().encode(secret))
    expect(await keys.verify(await sign('anon'), clock)).toMatchObject({ role: 'anon' })
    expect(await keys.verify(await sign('service_role'), clock)).toMatchObject({ role: 'service_role' })
    const without = await open()
    await expect(without.verify(await sign('service_role'), clock)).rejects.toMatchObject({
      code: 'invalid_token',
    })
  })
})

function flipLastCharacter(token: string): string {
  const at = token.length - 10
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}

function withKid(token: string): string {
  const [, payload, signature] = token.split('.')
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'another', typ: 'JWT' })).toString(
    'base64url',
  )
  return `${header}.${payload}.${signature}`
}

function unsigned(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`
}

function forgedWithPublicKey(keys: { jwks: { keys: object[] } }): Promise<string> {
  const secret = new TextEncoder().encode(JSON.stringify(keys.jwks.keys[0]))
  return new SignJWT({ role: 'service_role' }).setProtectedHeader({ alg: 'HS256' }).sign(secret)
}
