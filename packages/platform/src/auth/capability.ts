import { defineCapability } from '../system/index.ts'
import { createAuthSurface } from './auth-surface.ts'
import { readAuthMigrations } from './migrations.ts'
import { createPasswordHasher, type PasswordHasher } from './passwords/password-hasher.ts'
import { type AuthSettingsInput, authSettings } from './settings.ts'

let processWide: PasswordHasher | undefined

/** One for all projects of the process: its queue is what keeps sign-ins from taking all processors. */
const sharedHasher = () => (processWide ??= createPasswordHasher())

/** Accounts, sessions and their administration: GoTrue's API. */
export const auth = (defaults: AuthSettingsInput = {}) =>
  defineCapability({
    name: 'auth',
    migrations: readAuthMigrations,
    settings: authSettings,
    defaults,
    open: ({ database, keys, clock, log, url, settings, deriveKey, createLimiter }) => {
      const surface = createAuthSurface({
        database,
        keys,
        clock,
        log,
        url,
        deriveKey,
        createLimiter,
        passwords: sharedHasher(),
        settings,
      })
      return { surfaces: surface.surfaces, close: () => surface.close() }
    },
  })
