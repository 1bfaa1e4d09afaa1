import fc from 'fast-check'
import type { Target } from '../target.ts'

const foreign = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x'
const unsigned = 'eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.'

/** The headers of somebody: signed in, with a key alone, with a secret or the service key, of another system, or with nonsense. */
export function callerHeaders(target: Target, system: string): fc.Arbitrary<Record<string, string>> {
  // Limits by address are met by some and not by all: a fuzz that is refused at the door finds nothing behind it.
  const address = fc.nat({ max: 4_095 }).map((number) => `198.51.${number >> 8}.${number & 255}`)
  return fc
    .tuple(credentialsOf(target, system), address)
    .map(([credentials, from]) => ({ ...credentials, 'x-forwarded-for': from }))
}

function credentialsOf(
  { keys, tokens, secretKeys }: Target,
  system: string,
): fc.Arbitrary<Record<string, string>> {
  const { anon, service } = keys[system]!
  const signedIn = { apikey: anon, authorization: `Bearer ${tokens[system]}` }
  const secretKey = secretKeys[system]
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(signedIn) },
    ...(secretKey
      ? [
          {
            weight: 2,
            arbitrary: fc.constantFrom<Record<string, string>>(
              { 'x-api-key': secretKey },
              { apikey: anon, authorization: `Bearer ${secretKey}` },
              { 'x-api-key': `${secretKey}x` },
              { 'x-api-key': secretKey, authorization: `Bearer ${tokens[system]}` },
            ),
          },
        ]
      : []),
    { weight: 2, arbitrary: fc.constant({ apikey: anon }) },
    { weight: 1, arbitrary: fc.constant({ apikey: service, authorization: `Bearer ${service}` }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Record<string, string>>(
        {},
        { apikey: '' },
        { apikey: foreign },
        { apikey: anon, authorization: 'Bearer ' },
        { apikey: anon, authorization: `Bearer ${unsigned}` },
        { apikey: anon, authorization: 'Basic eA==' },
        {
          authorization: `Bearer ${Object.values(tokens).find((token) => token !== tokens[system]) ?? foreign}`,
        },
      ),
    },
  )
}
