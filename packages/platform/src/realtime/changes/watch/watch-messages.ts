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

/** Rows and characters of one frame of a snapshot: a client that reads slowly is sent the next when it has taken this. */
const mostInFrame = { rows: 500, characters: 128 * 1024 }

/** The frames of a snapshot: it replaces the client's copy when its last frame has come. */
export function* snapshotMessages(
  { topic, view }: WatchAudience,
  rows: readonly string[],
): Generator<ServerMessage> {
  const key = JSON.stringify(view.key.map(({ name }) => name))
  let start = 0
  do {
    const end = endOfFrame(rows, start)
    const some = rows.slice(start, end).join(',')
    const payload = `{"first":${start === 0},"last":${end === rows.length},"key":${key},"rows":[${some}]}`
    yield prepareMessage({ topic, event: 'plinth_snapshot', payload })
    start = end
  } while (start < rows.length)
}

function endOfFrame(rows: readonly string[], start: number): number {
  let end = start
  let characters = 0
  while (end < rows.length && end - start < mostInFrame.rows) {
    characters += rows[end]!.length
    if (end > start && characters > mostInFrame.characters) break
    end += 1
  }
  return end
}
