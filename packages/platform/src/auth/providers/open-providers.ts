import type { AuthSettings } from '../settings.ts'
import { createGithubProvider } from './github-provider.ts'
import { createOidcProvider } from './oidc-provider.ts'
import type { Provider } from './provider.ts'

const google = 'https://accounts.google.com'
const github = 'https://github.com'

/** The providers that the project has switched on, by name. */
export function openProviders({ external }: AuthSettings): ReadonlyMap<string, Provider> {
  const providers = new Map<string, Provider>()
  for (const [name, { enabled, clientId, secret, url }] of Object.entries(external)) {
    if (!enabled) continue
    if (name === 'github') providers.set(name, createGithubProvider({ url: url ?? github, clientId, secret }))
    else providers.set(name, createOidcProvider({ issuer: url ?? google, clientId, secret }))
  }
  return providers
}
