import type { Endpoint } from '../request.ts'
import type { AuthSettings } from '../settings.ts'

/** Providers that GoTrue's settings name; clients draw a button for each that is on. */
const externalProviders = [
  'apple',
  'azure',
  'bitbucket',
  'discord',
  'facebook',
  'figma',
  'fly',
  'github',
  'gitlab',
  'google',
  'keycloak',
  'kakao',
  'linkedin',
  'linkedin_oidc',
  'notion',
  'slack',
  'slack_oidc',
  'spotify',
  'twitch',
  'twitter',
  'workos',
  'zoom',
  'phone',
]

const isOn = (settings: AuthSettings, name: string): boolean =>
  name === 'phone'
    ? settings.externalPhoneEnabled
    : (Object.entries(settings.external).find(([known]) => known === name)?.[1].enabled ?? false)

/** `GET /settings`: which ways of signing in a client may offer. */
export const describeSettings: Endpoint =
  ({ settings }) =>
  async (c) =>
    c.json({
      external: {
        anonymous_users: settings.externalAnonymousUsersEnabled,
        email: settings.externalEmailEnabled,
        ...Object.fromEntries(externalProviders.map((name) => [name, isOn(settings, name)])),
      },
      disable_signup: settings.disableSignup,
      mailer_autoconfirm: settings.mailerAutoconfirm,
      phone_autoconfirm: settings.smsAutoconfirm,
      sms_provider: '',
      saml_enabled: false,
      mfa_enabled: settings.mfaTotpEnrollEnabled || settings.mfaPhoneEnrollEnabled,
    })

/** `GET /health`. */
export const checkHealth: Endpoint = () => async (c) =>
  c.json({ name: 'Plinth', description: 'Speaks the API of GoTrue (Supabase Auth).' })

/** `GET /.well-known/jwks.json`: the public keys that verify this project's access tokens (RFC 7517). */
export const publishKeys: Endpoint =
  ({ keys }) =>
  async (c) =>
    c.json(keys.jwks, 200, { 'cache-control': 'public, max-age=600' })
