import type { JWK } from 'jose'
import { z } from 'zod'

const jwk = z.looseObject({ kty: z.enum(['oct', 'RSA', 'EC', 'OKP']), kid: z.string().optional() })
const jwks = z.union([
  z.object({ keys: z.array(jwk).min(1) }).transform(({ keys }) => keys),
  jwk.transform((one) => [one]),
])

/**
 * The keys of a setting that holds a JWK or a set of them (RFC 7517); undefined for a plain secret. Fails with an Error
 * when it begins like one and is none.
 */
export function readJwks(setting: string): JWK[] | undefined {
  return setting.trimStart().startsWith('{') ? (jwks.parse(JSON.parse(setting)) as JWK[]) : undefined
}
