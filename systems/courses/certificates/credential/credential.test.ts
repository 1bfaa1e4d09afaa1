import { hash } from 'node:crypto'
import { BitstringStatusList } from '@digitalbazaar/vc-bitstring-status-list'
import { type Hash, leafHash, type SignedHead, signHead } from '@plinth/platform/merkle-log'
import fc from 'fast-check'
import { importJWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Verification, type VerifyOptions, verifyCertificate } from '../page/verify.js'
import { bundleOf, type CertificateBundle } from './bundle.ts'
import { type CertificateFacts, signCredential, signRevocation } from './credential.ts'
import { createIssuer, type Issuer, logIdentityOf } from './issuer.ts'
import { signJwt } from './sign-jwt.ts'
import { listBits, placeOfLeaf, signStatusList, statusAddressOf } from './status-list.ts'

const issuer = createIssuer({
  seed: Buffer.alloc(32, 1),
  name: 'Crash Courses',
  url: 'https://courses.example',
})
const stranger = createIssuer({
  seed: Buffer.alloc(32, 2),
  name: 'Crash Courses',
  url: 'https://courses.example',
})
const address = 'https://courses.example/functions/v1/certificate-status'
const issuedAt = new Date('2026-01-15T12:00:00Z')
const hours = (count: number) => new Date(issuedAt.getTime() + count * 3_600_000)

const facts: CertificateFacts = {
  credentialId: '6f9c8c3e-46b1-4f0a-8d32-6a2a1a4f2b11',
  number: 'CERT-2026-7K3QF-9XM4T',
  holder: 'आशा Müller-Ελένη <b>',
  course: {
    id: '0e6c1d0e-9f5a-4a56-9d5c-2b9b1d2a7f10',
    title: 'SQL in two hours',
    description: '',
    startsAt: new Date('2026-01-15T09:00:00Z'),
    endsAt: new Date('2026-01-15T11:00:00Z'),
  },
  minutes: 112,
  issuedAt,
  expiresAt: null,
}

/** A log of these credentials, and the proof of each: as RFC 6962 defines them, for up to two leaves a level. */
function logOf(
  by: Issuer,
  credentials: readonly string[],
): { head: SignedHead; paths: readonly (readonly Hash[])[] } {
  const node = (left: Hash, right: Hash) =>
    hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer')
  let level = credentials.map((each) => leafHash(Buffer.from(each)))
  const paths: Hash[][] = level.map(() => [])
  for (let width = 1; level.length > 1; width *= 2) {
    for (const [at, path] of paths.entries()) path.push(level[Math.floor(at / width) ^ 1]!)
    level = Array.from({ length: level.length / 2 }, (_, at) => node(level[2 * at]!, level[2 * at + 1]!))
  }
  return { head: signHead({ size: credentials.length, root: level[0]! }, logIdentityOf(by)), paths }
}

const list = (
  by: Issuer,
  set: readonly number[],
  at: Date,
  purpose: 'revocation' | 'refresh' = 'revocation',
) =>
  signStatusList(by, { address, list: 0, purpose, set, at, until: new Date(at.getTime() + 24 * 3_600_000) })

/** Four certificates in a log; ours is the third. */
function issue(
  by: Issuer = issuer,
  more: Partial<CertificateFacts> = {},
  set: readonly number[] = [],
): CertificateBundle {
  const credentials = [0, 1, 2, 3].map((leaf) =>
    signCredential(by, { ...facts, ...more }, placeOfLeaf(address, leaf)),
  )
  const { head, paths } = logOf(by, credentials)
  const proof = { index: 2, head, path: paths[2]! }
  return bundleOf(credentials[2]!, proof, [list(by, set, issuedAt)], 'https://courses.example/c/1')
}

const verify = (bundle: unknown, options: Partial<VerifyOptions> = {}): Promise<Verification> =>
  verifyCertificate(bundle, { issuers: [issuer.did], now: hours(1), ...options })
const stateOf = async (bundle: unknown, options: Partial<VerifyOptions> = {}) =>
  (await verify(bundle, options)).state

describe('a credential', () => {
  it('is an Open Badges 3.0 credential whose signature jose accepts', async () => {
    const jwt = issue(issuer, { expiresAt: hours(100) }).credential
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: issuer.key.publicBytes.toString('base64url') }
    const { payload, protectedHeader } = await jwtVerify(jwt, await importJWK(jwk, 'EdDSA'), {
      issuer: issuer.did,
      currentDate: hours(1),
      requiredClaims: ['jti', 'nbf', 'exp'],
    })
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'JWT', jwk })
    expect(payload).toMatchObject({
      type: ['VerifiableCredential', 'OpenBadgeCredential'],
      id: `urn:uuid:${facts.credentialId}`,
      jti: `urn:uuid:${facts.credentialId}`,
      validFrom: '2026-01-15T12:00:00Z',
      nbf: issuedAt.getTime() / 1000,
      issuer: { id: issuer.did, type: ['Profile'], name: 'Crash Courses' },
      credentialSubject: {
        type: ['AchievementSubject'],
        identifier: [{ identityHash: facts.holder, identityType: 'name', hashed: false }],
        achievement: { achievementType: 'CertificateOfCompletion', name: 'SQL in two hours' },
      },
      credentialStatus: {
        type: 'BitstringStatusListEntry',
        statusPurpose: 'revocation',
        statusListIndex: '2',
      },
    })
    await expect(
      jwtVerify(jwt, await importJWK({ ...jwk, x: stranger.key.publicBytes.toString('base64url') }, 'EdDSA')),
    ).rejects.toThrow()
  })

  it('names its key by an identifier that is the key: the one of did:key’s own example', () => {
    expect(issuer.did).toMatch(/^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/)
    expect(createIssuer({ seed: Buffer.alloc(32), name: '' }).did).toBe(
      'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp',
    )
  })
})

describe('a status list', () => {
  it('is read by Digital Bazaar’s Bitstring Status List as it was written', async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.nat({ max: listBits - 1 }), { maxLength: 40 }),
      async (set) => {
        const jwt = list(issuer, set, issuedAt)
        const { credentialSubject } = JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString())
        const read = await BitstringStatusList.decode({ encodedList: credentialSubject.encodedList })
        expect(read.length).toBe(listBits)
        expect(set.filter((index) => !read.getStatus(index))).toEqual([])
        expect([1, 77, 131_071].filter((index) => read.getStatus(index) && !set.includes(index))).toEqual([])
      },
    )
    await fc.assert(property, { seed: 18, numRuns: 20 })
  })

  it('has a place for each leaf, and never the same for two', () => {
    expect(placeOfLeaf(address, listBits + 5)).toEqual({ address, list: 1, index: 5 })
    expect(statusAddressOf({ address, list: 1 }, 'refresh')).toBe(`${address}?list=1&purpose=refresh`)
  })
})

describe('a certificate file', () => {
  it('AT-36 is valid without a network, and says when that was known', async () => {
    const bundle = issue()
    expect(await verify(bundle)).toMatchObject({
      state: 'valid',
      since: issuedAt.getTime(),
      facts: { holder: facts.holder, course: 'SQL in two hours', number: facts.number, validUntil: null },
    })
    expect(await stateOf(JSON.parse(JSON.stringify(bundle)))).toBe('valid')
  })

  it('AT-36 that was revoked fails with a fresh list, and is unknown since its date with a stale one', async () => {
    const bundle = issue()
    expect(await verify(bundle, { now: hours(30) })).toMatchObject({
      state: 'unknown',
      since: issuedAt.getTime(),
    })
    const fresh = list(issuer, [2], hours(29))
    expect(await stateOf(bundle, { now: hours(30), lists: [fresh] })).toBe('revoked')
    // Revocation is final: a list that has it counts when it is stale, too, whatever order they come in.
    const [old, later] = [list(issuer, [2], hours(2)), list(issuer, [], hours(29))]
    expect(await stateOf(bundle, { now: hours(30), lists: [later, old] })).toBe('revoked')
    expect(await stateOf(bundle, { now: hours(30), lists: [later] })).toBe('valid')
  })

  it('is superseded, expired, or of the future', async () => {
    const lists = [list(issuer, [2], hours(1)), list(issuer, [2], hours(1), 'refresh')]
    expect(await stateOf(issue(), { lists })).toBe('superseded')
    expect(await verify(issue(issuer, { expiresAt: hours(5) }), { now: hours(6) })).toMatchObject({
      state: 'expired',
      since: hours(5).getTime(),
    })
    expect(await stateOf(issue(), { now: hours(-2) })).toBe('invalid')
  })

  it('replayed with an old status list is not valid: unknown, and never fresh again', async () => {
    const bundle = issue()
    const old = list(issuer, [], hours(2))
    expect(await verify(bundle, { now: hours(60), lists: [old] })).toMatchObject({
      state: 'unknown',
      since: hours(2).getTime(),
    })
    // Nor by a list of the future, which nobody has signed yet.
    expect(await stateOf(bundle, { now: hours(60), lists: [list(issuer, [], hours(80))] })).toBe('unknown')
  })

  it('without a list that is the issuer’s own and of this place has an unknown status', async () => {
    const bundle = { ...issue(), status: [] }
    expect(await verify(bundle)).toMatchObject({ state: 'unknown', since: issuedAt.getTime() })
    const foreign = list(stranger, [], issuedAt)
    const elsewhere = signStatusList(issuer, {
      address,
      list: 1,
      purpose: 'revocation',
      set: [],
      at: issuedAt,
      until: hours(24),
    })
    const altered = list(issuer, [2], issuedAt).replace(
      /\.[^.]+\./,
      `.${list(issuer, [], issuedAt).split('.')[1]}.`,
    )
    expect(await stateOf({ ...bundle, status: [foreign, elsewhere, altered, 'x', null] })).toBe('unknown')
    // Another list's issuer that the reader trusts as well says nothing about this one's certificates.
    expect(await stateOf({ ...bundle, status: [foreign] }, { issuers: [issuer.did, stranger.did] })).toBe(
      'unknown',
    )
  })
})

describe('a forger', () => {
  const problemOf = async (bundle: unknown, options: Partial<VerifyOptions> = {}) => {
    const { state, ...rest } = await verify(bundle, options)
    return state === 'invalid' ? (rest as { problem: string }).problem : state
  }

  it('with another key is not the issuer, whatever the header says', async () => {
    expect(await problemOf(issue(stranger))).toMatch(/not the issuer asked for/)
    // In the issuer's name, signed by the stranger, whose key the header carries.
    const asIssuer = { ...stranger, did: issuer.did }
    expect(await problemOf(issue(asIssuer))).toMatch(/signature does not hold/)
  })

  it.each([
    ['no algorithm', { alg: 'none' }],
    ['a shared secret', { alg: 'HS256' }],
    ['an extension', { alg: 'EdDSA', crit: ['b64'], b64: false }],
  ])('with %s in the header is refused', async (_what, header) => {
    const bundle = issue()
    const [, body, signature] = bundle.credential.split('.')
    const head = Buffer.from(JSON.stringify(header)).toString('base64url')
    expect(await problemOf({ ...bundle, credential: `${head}.${body}.${signature}` })).toMatch(/not accepted/)
  })

  it('who changes one character anywhere gets nothing that is valid', async () => {
    const bundle = issue()
    const text = JSON.stringify({ credential: bundle.credential, log: bundle.log })
    const property = fc.asyncProperty(
      fc.nat({ max: text.length - 1 }),
      fc.constantFrom('A', 'b', '0', '-', '"', '{'),
      async (at, by) => {
        fc.pre(text[at] !== by)
        let altered: unknown
        try {
          altered = { ...bundle, ...JSON.parse(text.slice(0, at) + by + text.slice(at + 1)) }
        } catch {
          return
        }
        // Trailing bits of base64 and unread members do not change what was signed.
        if ((await stateOf(altered)) !== 'invalid')
          expect(await verify(altered)).toEqual(await verify(bundle))
      },
    )
    await fc.assert(property, { seed: 36, numRuns: 300 })
  })

  it('has no place in the log: another leaf, a shorter path, another head, another log', async () => {
    const bundle = issue()
    const { log } = bundle
    const strange = logOf(
      stranger,
      [0, 1].map((leaf) => signCredential(issuer, facts, placeOfLeaf(address, leaf))),
    )
    for (const [altered, problem] of [
      [{ ...log, index: 1 }, /not in the log/],
      [{ ...log, index: 4 }, /no place/],
      [{ ...log, index: -1 }, /no place/],
      [{ ...log, path: log.path.slice(1) }, /not in the log/],
      [{ ...log, path: [...log.path].reverse() }, /not in the log/],
      [{ ...log, path: [...log.path, log.path[0]] }, /not in the log/],
      [{ ...log, checkpoint: strange.head.note }, /not signed by the issuer/],
      [{ ...log, checkpoint: log.checkpoint.replace('\n4\n', '\n5\n') }, /not signed by the issuer/],
      [undefined, /not signed by the issuer/],
    ] as const)
      expect(await problemOf({ ...bundle, log: altered })).toMatch(problem)
    // Signed by the issuer's key and never logged: what a thief of the database alone could not even make.
    const unlogged = signCredential(issuer, { ...facts, holder: 'Somebody else' }, placeOfLeaf(address, 2))
    expect(await problemOf({ ...bundle, credential: unlogged })).toMatch(/not in the log/)
  })

  it('cannot pass another signed statement of the issuer off as a certificate', async () => {
    const bundle = issue()
    for (const statement of [
      signRevocation(issuer, facts.credentialId, issuedAt),
      list(issuer, [], issuedAt),
      signJwt(issuer, { type: ['OpenBadgeCredential'], id: 'a', jti: 'a', issuer: { id: stranger.did } }),
    ])
      expect(await problemOf({ ...bundle, credential: statement })).toMatch(/not a certificate/)
  })

  it.each([
    null,
    7,
    'text',
    [],
    {},
    { format: 'plinth-certificate/1' },
    { format: 'plinth-certificate/1', credential: 'a.b.c' },
  ])('with %j gets an answer and no crash', async (given) => {
    expect(await stateOf(given)).toBe('invalid')
  })
})
