import { comparePositions } from '../../../tail/index.ts'
import type { ServerMessage } from '../../protocol/server-message.ts'
import type { Listener, WatchAudience, WatchMember } from '../audience.ts'
import type { StreamTransaction } from '../stream-transaction.ts'
import { isInSnapshot } from './read-snapshot.ts'
import { changesMessage } from './watch-messages.ts'

/** Characters that may be held for a member while it is brought to the present. */
const mostHeld = 8 * 1024 * 1024

export function createWatchMember(listener: Listener, since: number): WatchMember {
  return {
    listener,
    since,
    until: Number.POSITIVE_INFINITY,
    held: [],
    heldSize: 0,
    snapshot: null,
    position: null,
  }
}

/** True when the member may resume at this position. */
export const isExact = (member: WatchMember, position: string): boolean =>
  member.snapshot === null || comparePositions(position, member.snapshot.position) >= 0

/** True when the member's snapshot has the transaction already. */
const isKnown = ({ snapshot }: WatchMember, xid: number): boolean =>
  snapshot !== null && isInSnapshot(snapshot.transactions, xid)

export function tellMember(
  audience: WatchAudience,
  member: WatchMember,
  position: string,
  operations: readonly string[],
): void {
  member.position = position
  member.listener.send(changesMessage(audience, isExact(member, position) ? position : null, operations))
}

/** Tells everyone who watches what a transaction did to their rows. */
export function tellMembers(
  audience: WatchAudience,
  { sequence, position, xid }: StreamTransaction,
  operations: readonly string[],
): void {
  let exact: ServerMessage | undefined
  for (const member of [...audience.members]) {
    if (sequence <= member.since) continue
    if (member.held) hold(audience, member, { xid, position, operations })
    else if (isKnown(member, xid)) continue
    else if (isExact(member, position)) {
      exact ??= changesMessage(audience, position, operations)
      member.position = position
      member.listener.send(exact)
    } else {
      member.listener.send(changesMessage(audience, null, operations))
    }
  }
}

function hold(
  audience: WatchAudience,
  member: WatchMember,
  made: NonNullable<WatchMember['held']>[number],
): void {
  member.held!.push(made)
  member.heldSize += made.operations.reduce((sum, { length }) => sum + length, 0)
  if (member.heldSize <= mostHeld) return
  audience.members.delete(member)
  member.listener.subscriptionBroken()
}

/** Gives a member what was held for it; from now on it gets everything at once. */
export function releaseMember(audience: WatchAudience, member: WatchMember): void {
  const held = member.held ?? []
  member.held = null
  member.heldSize = 0
  for (const { xid, position, operations } of held) {
    if (!isKnown(member, xid)) tellMember(audience, member, position, operations)
  }
}

/** Tells members how far the stream is when nothing happened to their rows, so that they can resume from there. */
export function tellPosition(audience: WatchAudience, position: string): void {
  let message: ServerMessage | undefined
  for (const member of audience.members) {
    if (member.held || member.position === position || !isExact(member, position)) continue
    message ??= changesMessage(audience, position, [])
    member.position = position
    member.listener.send(message)
  }
}
