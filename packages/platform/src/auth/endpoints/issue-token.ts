import { authErrors } from '../errors.ts'
import type { Endpoint } from '../request.ts'
import { exchangeCode } from './exchange-code.ts'
import { signInByIdToken } from './oauth/sign-in-by-id-token.ts'
import { refresh } from './refresh.ts'
import { signInByPassword } from './sign-in-by-password.ts'

/** The grants of `POST /token`; another way of signing in is another line here. */
const grants: Readonly<Record<string, Endpoint>> = {
  password: signInByPassword,
  refresh_token: refresh,
  id_token: signInByIdToken,
  pkce: exchangeCode,
  web3: () => () => Promise.reject(authErrors.web3_provider_disabled()),
}

/** `POST /token?grant_type=…`: tokens for what the grant asks as a proof. */
export const issueToken: Endpoint = (auth) => {
  const ready = new Map(Object.entries(grants).map(([name, grant]) => [name, grant(auth)]))
  return async (c) => {
    const grant = ready.get(c.req.query('grant_type') ?? '')
    if (!grant) throw unsupportedGrant()
    return grant(c)
  }
}

/** RFC 6749, section 5.2, besides GoTrue's own fields. */
const unsupportedGrant = () =>
  authErrors.validation_failed({
    problem: 'unsupported_grant_type',
    oauthError: 'unsupported_grant_type',
  })
