import type { MailTransport } from '../messages/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { createAuthSurface } from './auth-surface.ts'
import type { AuthCalls } from './call-auth.ts'
import { readAuthMigrations } from './migrations.ts'
import { createPasswordHasher, type PasswordHasher } from './passwords/password-hasher.ts'
import { type AuthSettingsInput, authSettings } from './settings.ts'

let processWide: PasswordHasher | undefined

/** One for all projects of the process: its queue is what keeps sign-ins from taking all processors. */
const sharedHasher = () => (processWide ??= createPasswordHasher())

/** What auth gives to other capabilities. */
export interface AuthOffer {
  /** The mail server of its settings. */
  readonly mail: MailTransport | undefined
  /** Its endpoints, in the name of a request. */
  readonly calls: AuthCalls
}

export const authOffer = offerKey<AuthOffer>('auth')

/** Accounts, sessions and their administration: GoTrue's API. */
export const auth = (defaults: AuthSettingsInput = {}) =>
  defineCapability({
    name: 'auth',
    migrations: readAuthMigrations,
    settings: authSettings,
    defaults,
    open: ({ database, keys, clock, log, url, settings, deriveKey, createLimiter, transports }) => {
      const surface = createAuthSurface({
        database,
        keys,
        clock,
        log,
        url,
        deriveKey,
        createLimiter,
        transports,
        passwords: sharedHasher(),
        settings,
      })
      const { calls, surfaces, jobs } = surface
      const offer: AuthOffer = { mail: surface.mail, calls }
      return {
        context: () => ({ auth: calls }),
        offer,
        surfaces,
        jobs,
        close: () => surface.close(),
      }
    },
  })
