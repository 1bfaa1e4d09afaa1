import type { Hono } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'
import { authErrors } from '../errors.ts'
import { type AuthRequest, requireAdmin } from '../request.ts'

const noOAuthServer = () => authErrors.feature_disabled({ feature: 'OAuth server is' })
const noCustomProviders = () => authErrors.feature_disabled({ feature: 'Custom OAuth providers are' })

/** GoTrue's endpoints of methods that this server does not have: each says so in the code that clients know. */
const unsupported: readonly (readonly [method: string, path: string, refusal: () => Error])[] = [
  ['POST', '/callback', authErrors.bad_oauth_state],
  ['POST', '/sso', authErrors.saml_provider_disabled],
  ['GET', '/saml/metadata', authErrors.saml_provider_disabled],
  ['POST', '/saml/acs', authErrors.saml_provider_disabled],
  ['GET', '/sso/saml/metadata', authErrors.saml_provider_disabled],
  ['POST', '/sso/saml/acs', authErrors.saml_provider_disabled],
  ['ALL', '/passkeys/*', authErrors.passkey_disabled],
  ['ALL', '/passkeys', authErrors.passkey_disabled],
  ['ALL', '/oauth/*', noOAuthServer],
  ['ALL', '/user/oauth/*', noOAuthServer],
  ['ALL', '/admin/sso/*', authErrors.saml_provider_disabled],
  ['ALL', '/admin/users/:id/passkeys', authErrors.passkey_disabled],
  ['ALL', '/admin/users/:id/passkeys/:passkey', authErrors.passkey_disabled],
  ['ALL', '/admin/oauth/*', noOAuthServer],
  ['ALL', '/admin/custom-providers', noCustomProviders],
  ['ALL', '/admin/custom-providers/*', noCustomProviders],
]

/** Who may not administer learns that first, and nothing of what there is. */
export function addRefusals(app: Hono<SurfaceEnv>): void {
  for (const [method, path, refusal] of unsupported) {
    const refuse = (c: AuthRequest) => {
      if (path.startsWith('/admin/')) requireAdmin(c)
      throw refusal()
    }
    if (method === 'ALL') app.all(path, refuse)
    else app.on(method, path, refuse)
  }
}
