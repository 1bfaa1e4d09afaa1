import { prepareMessage, type ServerMessage } from '../../protocol/server-message.ts'
import type { WatchAudience } from '../audience.ts'

/** The token with which a client resumes after a position. */
const tokenOf = ({ copy, keys }: WatchAudience, position: string): string =>
  `${position}~${copy}.${keys.epoch}`

/** What a transaction did to a copy. Without a position for a client that cannot resume there. */
export function changesMessage(
  audience: WatchAudience,
  position: string | null,
  operations: readonly string[],
): ServerMessage {
  const token = position === null ? null : tokenOf(audience, position)
  const payload = `{"position":${JSON.stringify(token)},"changes":[${operations.join(',')}]}`
  return prepareMessage({ topic: audience.topic, event: 'plinth_changes', payload })
}

/** Rows in one frame of a snapshot. */
const rowsPerFrame = 500

/** The frames of a snapshot: it replaces the client's copy when its last frame has come. */
export function* snapshotMessages(
  { topic, view }: WatchAudience,
  rows: readonly string[],
): Generator<ServerMessage> {
  const key = JSON.stringify(view.key.map(({ name }) => name))
  for (let start = 0; start === 0 || start < rows.length; start += rowsPerFrame) {
    const some = rows.slice(start, start + rowsPerFrame)
    const last = start + rowsPerFrame >= rows.length
    const payload = `{"first":${start === 0},"last":${last},"key":${key},"rows":[${some.join(',')}]}`
    yield prepareMessage({ topic, event: 'plinth_snapshot', payload })
  }
}
