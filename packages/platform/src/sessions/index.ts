export * from './capability.ts'
export type { CookieSessions, SessionScope, SessionTokens } from './cookie-sessions.ts'
export * from './errors.ts'
