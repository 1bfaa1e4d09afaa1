import type { Hono } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'
import { authErrors } from '../errors.ts'

const { email_provider_disabled: needsMail, otp_disabled: noCodes } = authErrors
const unsupportedProvider = () =>
  authErrors.validation_failed({ problem: 'Unsupported provider: provider is not enabled' })

/** GoTrue's endpoints of methods that this server does not have: each says so in the code that clients know. */
const unsupported: readonly (readonly [method: string, path: string, refusal: () => Error])[] = [
  ['POST', '/recover', () => needsMail({ feature: 'Password recovery' })],
  ['POST', '/resend', () => needsMail({ feature: 'Confirmation' })],
  ['POST', '/invite', () => needsMail({ feature: 'Invitation' })],
  ['POST', '/admin/generate_link', () => needsMail({ feature: 'A link' })],
  ['GET', '/reauthenticate', () => needsMail({ feature: 'Reauthentication' })],
  ['POST', '/otp', noCodes],
  ['POST', '/magiclink', noCodes],
  ['GET', '/verify', noCodes],
  ['POST', '/verify', noCodes],
  ['GET', '/authorize', unsupportedProvider],
  ['GET', '/callback', unsupportedProvider],
  ['POST', '/callback', unsupportedProvider],
  ['GET', '/user/identities/authorize', authErrors.manual_linking_disabled],
  ['DELETE', '/user/identities/:id', authErrors.manual_linking_disabled],
  ['POST', '/factors', authErrors.mfa_totp_enroll_not_enabled],
  ['DELETE', '/factors/:id', authErrors.mfa_factor_not_found],
  ['POST', '/factors/:id/challenge', authErrors.mfa_factor_not_found],
  ['POST', '/factors/:id/verify', authErrors.mfa_factor_not_found],
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
