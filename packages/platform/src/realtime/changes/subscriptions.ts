import type { Session } from '../channels/session.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import type {
  AnyAudience,
  Audiences,
  BindingAudience,
  Listener,
  Member,
  WatchAudience,
  WatchMember,
} from './audience.ts'
import { type Binding, type BindingRequest, prepareBindings } from './bindings.ts'
import type { CheckContext } from './check-changes.ts'
import type { RecentChanges } from './recent-changes.ts'
import type { Copies, Missed } from './watch/keep-copies.ts'
import { isPassing, watchFailure } from './watch/watch-failure.ts'
import { createWatchMember } from './watch/watch-members.ts'
import { copyName, prepareView, type WatchRequest } from './watch/watch-view.ts'

/** A channel's place in the stream of changes. */
export interface Subscription {
  /** What the join reply tells of it. */
  readonly bindings: readonly Binding[]
  /** Goes on as another session without a gap; resolves at once when its policies answer alike. */
  change(session: Session): Promise<void>
  end(): void
}

export interface SubscribeRequest {
  readonly session: Session
  readonly topic: string
  readonly bindings: readonly BindingRequest[]
  /** The client's address; null for a connection of the service role. */
  readonly address: string | null
  readonly listener: Listener
}

export interface WatchingRequest {
  readonly session: Session
  readonly topic: string
  readonly watch: WatchRequest
  /** Token of the last message that the client has applied. */
  readonly resume: string | undefined
  readonly address: string | null
  readonly listener: Listener
}

export interface Watching {
  /** True when the client's copy is still good and only changes follow; false when a snapshot follows. */
  readonly resumed: boolean
  /** Sends what the client has to catch up with; call it after the join was answered. */
  begin(): void
  change(session: Session): Promise<void>
  end(): void
}

/** Who follows changes: channels come, change their session and go. */
export interface Subscriptions {
  /** Registers bindings: what commits after it resolved arrives. Fails with what `prepareBindings` fails with. */
  subscribe(request: SubscribeRequest): Promise<Subscription>
  /** Registers a watch. Fails with what `prepareView` fails with. */
  watch(request: WatchingRequest): Promise<Watching>
  /** Lets go of members that went on as another session, once everything up to a sequence number is told. */
  retire(taken: number): void
}

export interface SubscriptionOptions {
  readonly context: CheckContext & { readonly limits: RealtimeLimits }
  readonly audiences: Audiences
  readonly recent: RecentChanges
  readonly copies: Copies
  /** True when everything that was told to the audience so far has reached it. */
  isIdle(audience: AnyAudience): boolean
  /** How far the stream is told: its last transaction's number and position. */
  reached(): { readonly sequence: number; readonly position: string | null }
}

export function createSubscriptions({
  context,
  audiences,
  recent,
  copies,
  isIdle,
  reached,
}: SubscriptionOptions): Subscriptions {
  const retiring = new Set<AnyAudience>()

  async function subscribe(request: SubscribeRequest): Promise<Subscription> {
    const { topic, listener } = request
    let bindings = await prepareBindings(context, request.session.caller.role, request.bindings)
    let session = request.session
    let place = enter()
    let ended = false

    function enter() {
      const payer = payerName(session, request.address)
      const patterns = bindings.some(({ filter }) => filter?.cost === 'pattern') ? payer : ''
      const asked = JSON.stringify(bindings.map(({ echo }) => echo))
      const key = [session.key, patterns, topic, asked].join('|')
      const make = (): BindingAudience => ({
        kind: 'bindings',
        key,
        topic,
        session,
        payer,
        bindings,
        members: new Set(),
      })
      const audience = audiences.obtain(key, make)
      const member: Member = { listener, since: reached().sequence, until: Number.POSITIVE_INFINITY }
      audience.members.add(member)
      return { audience, member }
    }

    return {
      get bindings() {
        return bindings
      },
      change: async (next) => {
        if (next.key === session.key) return
        const prepared = await prepareBindings(context, next.caller.role, request.bindings)
        if (ended) return
        place.member.until = reached().sequence
        retiring.add(place.audience)
        session = next
        bindings = prepared
        place = enter()
        for (const { problem } of prepared) if (problem) listener.bindingRefused(problem)
      },
      end: () => {
        ended = true
        place.audience.members.delete(place.member)
        audiences.release(place.audience)
      },
    }
  }

  async function watch(request: WatchingRequest): Promise<Watching> {
    const { topic, listener } = request
    let session = request.session
    let view = await prepareView(context, session.caller.role, request.watch)
    let place = enter()
    let missed = missedSince(request.resume)
    let isEnded = false

    function enter() {
      const copy = copyName(session, view)
      const payer = payerName(session, request.address)
      const key = [session.key, payer, topic, `watch ${copy}`].join('|')
      const make = (): WatchAudience => ({
        kind: 'watch',
        key,
        topic,
        session,
        payer,
        view,
        copy,
        keys: copies.keysOf(key),
        startedAt: reached().sequence,
        pending: [],
        ready: null,
        touched: null,
        dependencies: null,
        counted: 0,
        members: new Set(),
      })
      const audience = audiences.obtain(key, make)
      const member = createWatchMember(listener, reached().sequence)
      audience.members.add(member)
      return { audience, member }
    }

    /** What the client has to be told to go on where it was; null when it needs a snapshot. */
    function missedSince(token: string | undefined): Missed | null {
      const { copy, keys, view: of } = place.audience
      const [at, name] = token?.split('~') ?? []
      const { sequence, position } = reached()
      if (!at || name !== `${copy}.${keys.epoch}` || position === null || !/^[0-9A-F]+\/[0-9A-F]+$/.test(at))
        return null
      const transactions = recent.after(at, sequence)
      if (!transactions || transactions.some(({ truncated }) => truncated.includes(of.table.oid))) return null
      const release = keys.pin(transactions[0]?.sequence ?? Number.POSITIVE_INFINITY)
      return { epoch: keys.epoch, transactions, position, release }
    }

    function leave(): void {
      missed?.release()
      place.audience.members.delete(place.member)
      audiences.release(place.audience)
    }

    function begin(): void {
      const { audience, member } = place
      copies.begin(audience, member, missed).catch((error: unknown) => {
        if (!audience.members.delete(member)) return
        audiences.release(audience)
        if (isPassing(error)) listener.subscriptionBroken()
        else listener.subscriptionEnded(watchFailure(error, view))
      })
    }

    return {
      resumed: missed !== null,
      begin,
      change: async (next) => {
        if (next.key === session.key) return
        const prepared = await prepareView(context, next.caller.role, request.watch)
        if (isEnded) return
        leave()
        session = next
        view = prepared
        missed = null
        place = enter()
        begin()
      },
      end: () => {
        isEnded = true
        leave()
      },
    }
  }

  return {
    subscribe,
    watch,
    retire: (taken) => {
      for (const audience of retiring) {
        if (!isIdle(audience)) continue
        for (const member of audience.members as Set<Member>) {
          if (member.until <= taken) audience.members.delete(member as WatchMember)
        }
        audiences.release(audience)
        retiring.delete(audience)
      }
    },
  }
}

/** Whose time the filters of a session take. */
const payerName = ({ user, caller }: Session, address: string | null): string =>
  user !== null ? `user ${user}` : (address ?? caller.role)
