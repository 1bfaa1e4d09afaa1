import type { ProjectDatabase } from '../../database/index.ts'
import type { ProjectKeys } from '../../http/index.ts'
import type { Clock, Log } from '../../kernel/index.ts'
import type { BroadcastHub } from '../broadcast/broadcast-hub.ts'
import type { ChangeHub } from '../changes/change-hub.ts'
import type { TableCatalogue } from '../changes/describe-table.ts'
import type { PolicyCheck } from '../changes/policies/check-policies.ts'
import type { ProjectLimits } from '../limits/project-limits.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import type { PresenceHub } from '../presence/presence-hub.ts'
import type { Rooms } from './rooms.ts'

/** All that the channels of one project share. */
export interface RealtimeProject {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly log: Log
  readonly limits: RealtimeLimits
  /** False when only private channels may be joined. */
  readonly publicChannels: boolean
  readonly rooms: Rooms
  readonly broadcasts: BroadcastHub
  readonly presence: PresenceHub
  readonly changes: ChangeHub
  readonly catalogue: TableCatalogue
  readonly policies: PolicyCheck
  /** Resolves when what commits from now on reaches this node. Fails with `stream_not_ready`. */
  armed(): Promise<void>
  /** What all clients use together. */
  readonly usage: ProjectLimits
}
