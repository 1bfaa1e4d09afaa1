import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto'
import type { ProviderRequest, ProviderSimulator } from './provider-server.ts'

/** A browser with a subscription: the only one that can read what the push service gets for it. */
export function simulateBrowser() {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys()
  const auth = randomBytes(16)
  return {
    keys: { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') },
    /** Decrypts a message (RFC 8291 over RFC 8188, one record), worked out from the RFCs. */
    read: (body: Buffer): unknown => {
      const salt = body.subarray(0, 16)
      const idLength = body[20]!
      const senderKey = body.subarray(21, 21 + idLength)
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, senderKey])
      const secret = hkdfSync('sha256', pair.computeSecret(senderKey), auth, info, 32)
      const key = Buffer.from(
        hkdfSync('sha256', Buffer.from(secret), salt, 'Content-Encoding: aes128gcm\0', 16),
      )
      const nonce = Buffer.from(
        hkdfSync('sha256', Buffer.from(secret), salt, 'Content-Encoding: nonce\0', 12),
      )
      const sealed = body.subarray(21 + idLength)
      const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16))
      const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
      // A last record ends with 2 and any number of zeros.
      return JSON.parse(padded.subarray(0, padded.lastIndexOf(2)).toString())
    },
  }
}

/** Whether the request names its sender by a VAPID token of this key (RFC 8292). */
export function isVapid({ headers }: ProviderRequest, publicKey: string): boolean {
  const [, token = '', key = ''] = /^vapid t=([^,]+), k=(\S+)$/.exec(headers['authorization'] ?? '') ?? []
  const [head, payload, signature = ''] = token.split('.')
  const raw = Buffer.from(publicKey, 'base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: raw.subarray(1, 33).toString('base64url'),
    y: raw.subarray(33).toString('base64url'),
  }
  const given = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
  return (
    key === publicKey &&
    verify('sha256', Buffer.from(`${head}.${payload}`), given, Buffer.from(signature, 'base64url'))
  )
}

/** A browser maker's push service (RFC 8030); a path in `gone` is a subscription that ended. */
export function simulatePushService() {
  const requests: ProviderRequest[] = []
  const gone = new Set<string>()
  const simulator: ProviderSimulator = {
    take: (request) => {
      if (gone.has(request.path)) return { status: 410 }
      if (request.headers['content-encoding'] !== 'aes128gcm' || !request.headers['ttl'])
        return { status: 400 }
      requests.push(request)
      return { status: 201 }
    },
  }
  return { ...simulator, requests, gone }
}
