import type { Hono } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'
import { authErrors } from '../errors.ts'

/** GoTrue's endpoints of methods that this server does not have: each says so in the code that clients know. */
const unsupported: readonly (readonly [method: string, path: string, refusal: () => Error])[] = [
  ['POST', '/callback', authErrors.bad_oauth_state],
  ['POST', '/sso', authErrors.saml_provider_disabled],
  ['GET', '/saml/metadata', authErrors.saml_provider_disabled],
  ['POST', '/saml/acs', authErrors.saml_provider_disabled],
  ['GET', '/sso/saml/metadata', authErrors.saml_provider_disabled],
  ['POST', '/sso/saml/acs', authErrors.saml_provider_disabled],
  ['GET', '/admin/sso/providers', authErrors.saml_provider_disabled],
  ['POST', '/admin/sso/providers', authErrors.saml_provider_disabled],
]

export function addRefusals(app: Hono<SurfaceEnv>): void {
  for (const [method, path, refusal] of unsupported) {
    app.on(method, path, () => {
      throw refusal()
    })
  }
}
