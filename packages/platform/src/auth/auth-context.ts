import type { ProjectDatabase } from '../database/index.ts'
import type { ProjectKeys } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { AuthLimiter } from './limits/auth-limits.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import type { AuthSettings } from './settings.ts'

/** What every endpoint of one project's auth surface works with. */
export interface AuthContext {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly settings: AuthSettings
  readonly passwords: PasswordHasher
  readonly limits: AuthLimiter
}
