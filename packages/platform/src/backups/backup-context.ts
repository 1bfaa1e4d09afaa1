import type { ProjectDatabase } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { ByteStore, NamedStore } from '../storage/index.ts'
import type { CapabilityProject, SystemFacts } from '../system/index.ts'
import type { Tail } from '../tail/index.ts'
import type { BackupsDeclaration } from './declaration.ts'
import type { KeyRing } from './format/key-ring.ts'

/** What everything here works with. */
export interface BackupContext {
  readonly system: SystemFacts
  readonly declaration: BackupsDeclaration
  readonly database: ProjectDatabase
  /** Where backups lie. */
  readonly store: NamedStore
  /** Where a second copy lies; null for none. */
  readonly second: NamedStore | null
  readonly ring: KeyRing
  /** The bytes of the project's files. */
  readonly bytes: ByteStore
  /** Names the copies of files. */
  readonly filesKey: Buffer
  /** The project's keys and settings: a backup of the whole project has them. */
  readonly secretFiles: CapabilityProject['secretFiles']
  /** The journal's own key: opens what is sealed for a person. */
  readonly journalKey: Buffer
  /** Asks for everything that was committed to be journalled, wherever the stream is followed. */
  readonly tail: Pick<Tail, 'settle'>
  readonly hooks: CapabilityProject['hooks']
  readonly scratch: CapabilityProject['scratch']
  /** Days for which storage keeps the bytes of removed files, so that they come back with their rows. */
  readonly storageDays: number
  /** Hours after which a tenant gets a full backup again. */
  readonly fullEveryHours: number
  readonly clock: Clock
  readonly log: Log
}
