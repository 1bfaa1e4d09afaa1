import type { ProjectDatabase } from '../database/index.ts'
import type { ProjectKeys } from '../http/index.ts'
import { type Clock, type Log, newId } from '../kernel/index.ts'
import { createBroadcastHub } from './broadcast/broadcast-hub.ts'
import { readSqlBroadcasts } from './broadcast/sql-broadcasts.ts'
import type { ChangeFeed } from './change-feed.ts'
import { createChangeHub } from './changes/change-hub.ts'
import { createTableCatalogue } from './changes/describe-table.ts'
import { createCheckFunctions } from './changes/policies/check-function.ts'
import { createPolicyCheck } from './changes/policies/check-policies.ts'
import type { RealtimeProject } from './channels/realtime-project.ts'
import { createRooms } from './channels/rooms.ts'
import { createProjectLimits } from './limits/project-limits.ts'
import { limitsSchema, type RealtimeLimitSettings } from './limits/realtime-limits.ts'
import { type ChangeSource, createChangeSource } from './nodes/change-source.ts'
import { createLonelyLink, type NodeLink } from './nodes/node-link.ts'
import { createRedisNodes } from './nodes/redis-nodes.ts'
import { createPresenceHub } from './presence/presence-hub.ts'
import { carryAnnouncedTables } from './publish-tables.ts'

export interface RealtimeOptions {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly log: Log
  /** What differs from the defaults. */
  readonly limits?: RealtimeLimitSettings
  /** Joins the project's nodes; undefined for a single one. */
  readonly redisUrl?: string | undefined
  /** False when only private channels may be joined. Default true. */
  readonly publicChannels?: boolean
}

/** A project's channels, with what brings them other nodes' messages and the stream of changes. */
export interface OpenRealtimeProject extends RealtimeProject {
  readonly link: NodeLink
  readonly source: ChangeSource
}

/** Connects the parts; none of them begins to work. */
export function openRealtimeProject(options: RealtimeOptions): OpenRealtimeProject {
  const { database, keys, feed, clock, log, redisUrl, publicChannels = true } = options
  const limits = limitsSchema.parse(options.limits ?? {})
  const usage = createProjectLimits(limits)

  const nodes = redisUrl
    ? createRedisNodes({ url: redisUrl, project: keys.ref, node: newId(), log })
    : undefined
  const link = nodes?.link ?? createLonelyLink(newId())
  const rooms = createRooms()
  const broadcasts = createBroadcastHub(rooms, link)
  const presence = createPresenceHub({ rooms, link, quota: usage.presence, limits: limits.presenceBytes })

  const catalogue = createTableCatalogue({ database, carry: () => carryAnnouncedTables(database, log) })
  const functions = createCheckFunctions(database)
  const { policyMilliseconds, payloadBytes } = limits
  const policies = createPolicyCheck({ database, functions, policyMilliseconds, log })
  const changes = createChangeHub({
    database,
    catalogue,
    policies,
    limits,
    log,
    onBehind: () => source.wake(),
    onMessages: (messages) => {
      for (const { room, broadcast } of readSqlBroadcasts(messages, { payloadBytes, log }))
        broadcasts.deliver(room, broadcast)
    },
  })
  const { push, broken } = changes
  const source = createChangeSource({ feed, relay: nodes?.relay, log, push, broken })
  const { armed } = source

  const shared = { database, keys, clock, log, limits, usage, publicChannels }
  return { ...shared, rooms, broadcasts, presence, changes, catalogue, policies, armed, link, source }
}
