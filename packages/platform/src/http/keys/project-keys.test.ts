import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openProjectKeys } from './create-project-keys.ts'

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
