import fc from 'fast-check'
import type { Target } from '../target.ts'

const foreign = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x'
const unsigned = 'eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.'

/** The headers of somebody: signed in, with a key alone, with the service key, of another system, or with nonsense. */
export function callerHeaders(
  { keys, tokens }: Target,
  system: string,
): fc.Arbitrary<Record<string, string>> {
  const { anon, service } = keys[system]!
  const signedIn = { apikey: anon, authorization: `Bearer ${tokens[system]}` }
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(signedIn) },
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
