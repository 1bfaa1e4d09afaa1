import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './auth-surface.ts'
export * from './errors.ts'
export {
  type AttemptCounter,
  createMemoryCounter,
  type MakeAttemptCounter,
} from './limits/attempt-counter.ts'
export {
  createPasswordHasher,
  type PasswordHasher,
  type PasswordHasherOptions,
} from './passwords/password-hasher.ts'
export type { AttemptLimit, AuthLimits, AuthSettings, AuthSettingsInput } from './settings.ts'

/** The schema `auth`, applied after the platform's own migrations and before the system's. */
export const readAuthMigrations = (): Promise<MigrationSet> =>
  readMigrations('auth', new URL('./sql/migrations/', import.meta.url))
