import { generateKeyPairSync } from 'node:crypto'
import { importSPKI, jwtVerify } from 'jose'
import type { ProviderSimulator } from './provider-server.ts'

/** Firebase Cloud Messaging: Google's token endpoint and HTTP v1. */
export function simulateFcm(project: string) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' },
  })
  const gone = new Set<string>()
  const messages: { readonly token: string; readonly data: { readonly id: string } }[] = []
  let tokens = 0
  const simulator: ProviderSimulator = {
    take: async ({ path, headers, body }) => {
      if (path === '/token') {
        const assertion = new URLSearchParams(body.toString()).get('assertion') ?? ''
        const { payload } = await jwtVerify(assertion, await importSPKI(publicKey, 'RS256'), {
          currentDate: new Date('2026-01-15T12:00:00Z'),
        })
        if (payload['scope'] !== 'https://www.googleapis.com/auth/firebase.messaging') return { status: 400 }
        tokens += 1
        return { status: 200, body: JSON.stringify({ access_token: `ya29.${tokens}`, expires_in: 3599 }) }
      }
      if (path !== `/v1/projects/${project}/messages:send`) return { status: 404 }
      if (headers['authorization'] !== `Bearer ya29.${tokens}`) return { status: 401, body: '{}' }
      const { message } = JSON.parse(body.toString()) as { message: (typeof messages)[number] }
      if (gone.has(message.token)) {
        const details = [
          { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'UNREGISTERED' },
        ]
        return { status: 404, body: JSON.stringify({ error: { code: 404, status: 'NOT_FOUND', details } }) }
      }
      messages.push(message)
      return {
        status: 200,
        body: JSON.stringify({ name: `projects/${project}/messages/${messages.length}` }),
      }
    },
  }
  return { ...simulator, messages, gone, privateKey, tokens: () => tokens }
}
