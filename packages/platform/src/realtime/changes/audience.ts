import type { AppError } from '../../kernel/index.ts'
import type { Session } from '../channels/session.ts'
import type { ServerMessage } from '../protocol/server-message.ts'
import type { Binding } from './bindings.ts'
import type { Filter } from './filters/compile-filter.ts'
import type { StreamTransaction } from './stream-transaction.ts'
import type { PolicyDependencies } from './watch/policy-dependencies.ts'
import type { ToldKeys } from './watch/told-keys.ts'
import type { WatchView } from './watch/watch-view.ts'

/** A channel as the stream of changes sees it. */
export interface Listener {
  send(message: ServerMessage): void
  /** Resolves when the client has taken most of what was sent to it, or is gone. */
  drained(): Promise<void>
  /** One of its bindings cannot be armed; the others are. */
  bindingRefused(reason: AppError): void
  /** Its subscription is over and will not come back by itself. */
  subscriptionEnded(reason: AppError): void
  /** Commits are missing: it has to start over. */
  subscriptionBroken(): void
}

/** A listener's place in an audience: it gets what comes after `since`, up to `until`. */
export interface Member {
  readonly listener: Listener
  readonly since: number
  until: number
}

/**
 * Everyone who gets the same bytes: same topic, same bindings, and claims that policies answer alike. What a change
 * costs grows with audiences, not with clients.
 */
export interface Audience<M extends Pick<Member, 'listener' | 'since' | 'until'> = Member> {
  readonly key: string
  readonly topic: string
  readonly session: Session
  /** The user or address whose time its filters take. */
  readonly payer: string
  readonly members: Set<M>
}

export interface BindingAudience extends Audience {
  readonly kind: 'bindings'
  readonly bindings: readonly Binding[]
}

export interface WatchMember extends Omit<Member, 'since'> {
  since: number
  /** What was made while it is brought to the present; null once it gets everything at once. */
  held: { readonly xid: number; readonly position: string; readonly operations: readonly string[] }[] | null
  /** Characters of what is held. */
  heldSize: number
  /**
   * Its snapshot may be ahead of the stream. Up to this position, transactions that the snapshot has are not told again;
   * from there on, what it was told is exactly what happened, so it may resume there. Null without a snapshot.
   */
  snapshot: { readonly transactions: string; readonly position: string } | null
  /** Last position that it was told. */
  position: string | null
}

/** What a change leaves of a row in a view. Whether a copy held it before is known by its told keys alone. */
export interface RowOutcome {
  /** Key before the change as JSON; null for an insertion. */
  readonly before: string | null
  /** Key and row after the change, when the view shows it. */
  readonly after: { readonly key: string; readonly row: string } | null
}

/** What a transaction did to the rows of a view. */
export interface ViewOutcome {
  readonly transaction: StreamTransaction
  readonly outcomes: readonly RowOutcome[]
}

/** Everyone who keeps the same copy of the same rows. */
export interface WatchAudience extends Audience<WatchMember> {
  readonly kind: 'watch'
  readonly view: WatchView
  /** Names the form of the copy in the tokens that clients resume with. */
  readonly copy: string
  keys: ToldKeys
  /** Transactions up to this sequence number are part of what its members start with. */
  startedAt: number
  /** What came while the first members, or all of them anew, are brought to the present; null when they are. */
  pending: ViewOutcome[] | null
  /** Resolves when nothing is pending; null before the first member begins. */
  ready: Promise<void> | null
  /** Keys that were told while the copies are compared with the table; null when they are not. */
  touched: Set<string> | null
  /** What else decides about its rows; null before it is known. */
  dependencies: PolicyDependencies | null
  /** Rows that are counted for its payer. */
  counted: number
}

export type AnyAudience = BindingAudience | WatchAudience

/** The filters of an audience; null stands for everything. */
export const filtersOf = (audience: AnyAudience): readonly (Filter | null)[] =>
  audience.kind === 'watch' ? [audience.view.filter] : audience.bindings.map(({ filter }) => filter)

/** True when the audience has a filter that may take any time. */
export const hasPatterns = (audience: AnyAudience): boolean =>
  filtersOf(audience).some((filter) => filter?.cost === 'pattern')

/** All audiences of a project, found by table. */
export interface Audiences {
  find(schema: string, table: string): readonly AnyAudience[]
  isEmpty(): boolean
  /** True when one of them follows all tables of a schema. */
  hasWholeSchemas(): boolean
  all(): Iterable<AnyAudience>
  /** The audience of this key, made when it is not there. */
  obtain<A extends AnyAudience>(key: string, make: () => A): A
  /** Forgets an audience without members. */
  release(audience: AnyAudience): void
}

const anyTable = '*'

/** `released` is called with each audience that nobody is in any more. */
export function createAudiences(released: (audience: AnyAudience) => void): Audiences {
  const byKey = new Map<string, AnyAudience>()
  const byTable = new Map<string, Set<AnyAudience>>()

  function tablesOf(audience: AnyAudience): readonly string[] {
    if (audience.kind === 'watch') return [placeOf(audience.view.table.schema, audience.view.table.table)]
    return audience.bindings.map(({ schema, table }) => placeOf(schema, table ?? anyTable))
  }

  return {
    find: (schema, table) => {
      const places = [
        placeOf(schema, table),
        placeOf(schema, anyTable),
        placeOf(anyTable, table),
        placeOf(anyTable, anyTable),
      ]
      const found = places.flatMap((place) => [...(byTable.get(place) ?? [])])
      return found.length > 1 ? [...new Set(found)] : found
    },
    isEmpty: () => byKey.size === 0,
    hasWholeSchemas: () => [...byTable.keys()].some((place) => place.endsWith(placeOf('', anyTable))),
    all: () => byKey.values(),
    obtain: <A extends AnyAudience>(key: string, make: () => A) => {
      const known = byKey.get(key)
      if (known) return known as A
      const audience = make()
      byKey.set(key, audience)
      for (const place of tablesOf(audience)) {
        const there = byTable.get(place) ?? new Set()
        byTable.set(place, there.add(audience))
      }
      return audience
    },
    release: (audience) => {
      if (audience.members.size > 0 || byKey.get(audience.key) !== audience) return
      byKey.delete(audience.key)
      released(audience)
      for (const place of tablesOf(audience)) {
        const there = byTable.get(place)
        there?.delete(audience)
        if (there?.size === 0) byTable.delete(place)
      }
    },
  }
}

const placeOf = (schema: string, table: string): string => `${schema}\u0000${table}`
