export * from './auth-surface.ts'
export type { AuthCalls, AuthOrigin } from './call-auth.ts'
export * from './capability.ts'
export * from './errors.ts'
export * from './migrations.ts'
export {
  createPasswordHasher,
  type PasswordHasher,
  type PasswordHasherOptions,
} from './passwords/password-hasher.ts'
export { type AuthSettings, type AuthSettingsInput, authSettings } from './settings.ts'
