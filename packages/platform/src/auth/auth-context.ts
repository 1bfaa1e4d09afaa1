import type { ProjectDatabase } from '../database/index.ts'
import type { ProjectKeys } from '../http/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { CodeSecrets } from './codes/code-secrets.ts'
import type { AuthLimiter } from './limits/auth-limits.ts'
import type { Outbox } from './messages/outbox.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import type { Provider } from './providers/provider.ts'
import type { AuthSettings } from './settings.ts'

/** What every endpoint of one project's auth surface works with. */
export interface AuthContext {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly log: Log
  readonly settings: AuthSettings
  /** The project's address, without a trailing slash. */
  readonly url: string
  readonly passwords: PasswordHasher
  readonly limits: AuthLimiter
  readonly codes: CodeSecrets
  readonly outbox: Outbox
  /** Those that are switched on, by name. */
  readonly providers: ReadonlyMap<string, Provider>
  /** A 32-byte key for one purpose, from the project's master key. */
  deriveKey(purpose: string): Buffer
}
