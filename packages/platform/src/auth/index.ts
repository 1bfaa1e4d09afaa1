export * from './auth-surface.ts'
export * from './capability.ts'
export * from './errors.ts'
export {
  type AttemptCounter,
  createMemoryCounter,
  type MakeAttemptCounter,
} from './limits/attempt-counter.ts'
export * from './migrations.ts'
export {
  createPasswordHasher,
  type PasswordHasher,
  type PasswordHasherOptions,
} from './passwords/password-hasher.ts'
export type { AttemptLimit, AuthLimits, AuthSettings, AuthSettingsInput } from './settings.ts'
