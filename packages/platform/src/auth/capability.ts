import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { createAuthSurface } from './auth-surface.ts'
import { readAuthMigrations } from './migrations.ts'
import { createPasswordHasher, type PasswordHasher } from './passwords/password-hasher.ts'

const settings = z.object({
  signUps: z.boolean().default(true).describe('Whether strangers may make accounts.'),
  anonymousSignIns: z
    .boolean()
    .default(false)
    .describe('Whether accounts without e-mail and password may be made.'),
  accessTokenSeconds: z
    .number()
    .int()
    .min(60)
    .max(604_800)
    .default(3600)
    .describe('Life of an access token.'),
  passwordMinLength: z
    .number()
    .int()
    .min(6)
    .max(72)
    .default(6)
    .describe('Fewest characters of a new password.'),
})

let processWide: PasswordHasher | undefined

/** One for all projects of the process: its queue is what keeps sign-ins from taking all processors. */
const sharedHasher = () => (processWide ??= createPasswordHasher())

/** Accounts, sessions and their administration: GoTrue's API. */
export const auth = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'auth',
    migrations: readAuthMigrations,
    settings,
    defaults,
    open: ({ database, keys, clock, url, settings }) => ({
      surfaces: [
        createAuthSurface({
          database,
          keys,
          clock,
          passwords: sharedHasher(),
          settings: { ...settings, issuer: `${url}/auth/v1` },
        }),
      ],
    }),
  })
