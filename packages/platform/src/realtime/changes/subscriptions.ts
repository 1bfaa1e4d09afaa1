import { AppError, hasCode } from '../../kernel/index.ts'
import type { Session } from '../channels/session.ts'
import { realtimeErrors } from '../errors.ts'
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
import { filterFailure } from './filters/filter-failure.ts'
import type { FilterRunner } from './filters/filter-runner.ts'
import { stateOf } from './policies/check-policies.ts'
import type { RecentChanges } from './recent-changes.ts'
import { catchUp, createWatchMember, emptied, type ResumeFrom, watchKey } from './watch/watch.ts'
import { prepareView, type WatchRequest, type WatchView } from './watch/watch-view.ts'

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
  readonly runner: FilterRunner
  /** True when everything that was told to the audience so far has reached it. */
  isIdle(audience: AnyAudience): boolean
  /** How far the stream is told: its last transaction's number and position. */
  reached(): { readonly sequence: number; readonly position: string | null }
}

export function createSubscriptions({
  context,
  audiences,
  recent,
  runner,
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
    let from = resumeFrom(session, view, request.resume)
    let place = enter()
    let ended = false

    function resumeFrom(of: Session, wanted: WatchView, token: string | undefined): ResumeFrom | null {
      const [at, key] = token?.split('~') ?? []
      if (!at || key !== watchKey(of, wanted) || !/^[0-9A-F]+\/[0-9A-F]+$/.test(at)) return null
      const missed = recent.after(at, reached().sequence)
      return missed && !missed.some(emptied(wanted)) ? { missed } : null
    }

    function enter() {
      const copy = watchKey(session, view)
      const payer = payerName(session, request.address)
      const key = [session.key, view.filter?.cost === 'pattern' ? payer : '', topic, `watch ${copy}`].join(
        '|',
      )
      const make = (): WatchAudience => ({
        kind: 'watch',
        key,
        topic,
        session,
        payer,
        view,
        copy,
        members: new Set(),
      })
      const audience = audiences.obtain(key, make)
      const member = createWatchMember(listener, reached().sequence)
      audience.members.add(member)
      return { audience, member, position: reached().position }
    }

    function begin(): void {
      const { audience, member } = place
      catchUp({ context, recent, runner, limits: context.limits, from, ...place }).catch((error: unknown) => {
        if (!audience.members.delete(member)) return
        audiences.release(audience)
        if (isPassing(error)) listener.subscriptionBroken()
        else listener.subscriptionEnded(asReason(error, view))
      })
    }

    return {
      resumed: from !== null,
      begin,
      change: async (next) => {
        if (next.key === session.key) return
        const prepared = await prepareView(context, next.caller.role, request.watch)
        if (ended) return
        place.audience.members.delete(place.member)
        audiences.release(place.audience)
        session = next
        view = prepared
        from = null
        place = enter()
        begin()
      },
      end: () => {
        ended = true
        place.audience.members.delete(place.member)
        audiences.release(place.audience)
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

/** What a watcher is told that cannot be brought to the present. */
function asReason(error: unknown, { table, filter }: WatchView): AppError {
  if (error instanceof AppError) return error
  const name = `${table.schema}.${table.table}`
  if (filter?.cost === 'pattern' && hasCode(error, '57014')) return filterFailure(name, error)
  return realtimeErrors.policy_raised({ table: name, state: stateOf(error) }, error)
}

/** True for failures that pass by themselves: the database is away or has no connection free. */
export const isPassing = (error: unknown): boolean =>
  hasCode(error, 'database_unavailable') || hasCode(error, 'database_busy')
