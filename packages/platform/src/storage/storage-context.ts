import type { ProjectDatabase } from '../database/index.ts'
import type { Clock, ErrorCatalogue, Log } from '../kernel/index.ts'
import type { Vault } from './bytes/vault.ts'
import type { ImageRenderer } from './images/image-renderer.ts'
import type { ByteQuota } from './quota/byte-quota.ts'
import type { TrafficCounter } from './serve/count-traffic.ts'
import type { StorageSettings } from './settings.ts'
import type { TokenSigner } from './signing/signed-tokens.ts'

/** What every operation of a project's storage works with. */
export interface StorageContext {
  readonly database: ProjectDatabase
  readonly vault: Vault
  readonly tokens: TokenSigner
  readonly quota: ByteQuota
  readonly images: ImageRenderer
  readonly traffic: TrafficCounter
  /** Tells a CDN, where one is set, that these public objects have changed: `bucket/path`, or a bucket. */
  purge(paths: readonly string[]): Promise<void>
  readonly settings: StorageSettings
  /** Of the system, for what its triggers and policies refuse. */
  readonly errors: ErrorCatalogue<string>
  /** Of the project, without a trailing slash. */
  readonly url: string
  readonly clock: Clock
  readonly log: Log
}
