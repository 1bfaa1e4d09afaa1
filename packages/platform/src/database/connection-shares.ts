import { databaseErrors } from './errors.ts'

/** Whose place among the connections it is, and what may be done to it. */
export interface PlaceRequest {
  /** Places of one key share one share: a user, an address, the service role. */
  readonly key: string
  /** How much of the connections a key may have beside keys of weight 1. */
  readonly weight: number
  /** Ends the work early, because others wait and its key has more than its share. Left out, the work is never ended. */
  readonly takeBack?: () => void
}

/** A connection that one may take now. */
export interface Place {
  leave(): void
}

export interface ConnectionSharesOptions {
  /** Named to those who wait in vain. */
  readonly system: string
  readonly connections: number
  /** Milliseconds that only grow. */
  readonly now?: () => number
}

/** A request that waits longer for a connection is refused. Milliseconds. */
const patience = 5_000
/** A wait of so many milliseconds means that connections are short: from then on shares bind. */
const shortage = 100
/** How long shares go on to bind after the last such wait. Milliseconds. */
const memory = 5_000
/** Work that has run for less is never ended for others. Milliseconds. */
const guaranteed = 1_000
const tick = 50
/** From so many connections on, two are kept from a key's work that cannot be ended. */
const enoughToReserve = 4
const reserved = 2

interface Held {
  readonly since: number
  readonly takeBack: (() => void) | undefined
  taken: boolean
}

interface Waiting {
  readonly since: number
  readonly request: PlaceRequest
  readonly grant: (place: Place) => void
  readonly refuse: (error: Error) => void
}

/** One key: what it holds and what it waits for. */
interface Holder {
  readonly key: string
  readonly weight: number
  readonly held: Set<Held>
  readonly waiting: Waiting[]
  /** Held places that cannot be taken back. */
  fixed: number
  seenAt: number
}

/**
 * Shares a project's connections among those who ask for them. While there are enough, anybody has as many as they ask
 * for. Once somebody has waited for 100 ms, and for five seconds after, each key has its weight's part; free places go
 * to the key that holds least, and work that may be ended and has run for a second is ended where a key holds more than
 * its share. Work that cannot be ended, of one key, leaves two connections to others at all times.
 */
export function createConnectionShares(options: ConnectionSharesOptions) {
  const { system, connections, now = () => performance.now() } = options
  const mostFixed = connections < enoughToReserve ? connections : connections - reserved
  const holders = new Map<string, Holder>()
  /** Keys that wait, the one that was served longest ago first. */
  const queue = new Set<Holder>()
  let busy = 0
  let waiting = 0
  let bindsUntil = 0
  /** Weights of all keys that are here or were lately, and when that was added up. */
  let activeWeight = 0
  let addedUpAt = -tick
  let ticking: NodeJS.Timeout | undefined

  return {
    /** A place at once, or undefined when one has to wait for it. */
    tryEnter(request: PlaceRequest): Place | undefined {
      const holder = holderOf(request)
      return busy < connections && mayHold(holder, request) ? hold(holder, request) : undefined
    },
    /** A place as soon as there is one. Fails with `database_busy`, or with `client_gone` when the signal aborts first. */
    async enter(request: PlaceRequest, signal?: AbortSignal): Promise<Place> {
      const { promise, resolve: grant, reject: refuse } = Promise.withResolvers<Place>()
      const holder = holderOf(request)
      const entry: Waiting = { since: now(), request, grant, refuse }
      const leave = () => {
        remove(holder, entry)
        refuse(databaseErrors.client_gone())
      }
      wait(holder, entry)
      signal?.addEventListener('abort', leave, { once: true })
      return promise.finally(() => signal?.removeEventListener('abort', leave))
    },
    usage: () => ({ busy, waiting }),
  }

  function holderOf({ key, weight }: PlaceRequest): Holder {
    const known = holders.get(key)
    if (known) return known
    const holder: Holder = { key, weight, held: new Set(), waiting: [], fixed: 0, seenAt: now() }
    holders.set(key, holder)
    activeWeight += weight
    return holder
  }

  function mayHold(holder: Holder, { takeBack }: PlaceRequest): boolean {
    if (!takeBack && holder.fixed >= mostFixed) return false
    return !binds() || holder.held.size < shareOf(holder)
  }

  function binds(): boolean {
    return bindsUntil > 0 && holders.size > 1 && now() < bindsUntil
  }

  /** Places that a key may hold while shares bind: its weight's part among the keys that were here lately, at least one. */
  function shareOf({ weight }: Holder): number {
    if (now() - addedUpAt >= tick) addUp()
    return Math.max(1, Math.floor((connections * weight) / Math.max(activeWeight, weight)))
  }

  function addUp(): void {
    addedUpAt = now()
    const oldest = addedUpAt - memory
    activeWeight = 0
    for (const { held, waiting: waits, seenAt, weight } of holders.values())
      if (held.size > 0 || waits.length > 0 || seenAt > oldest) activeWeight += weight
  }

  function hold(holder: Holder, { takeBack }: PlaceRequest): Place {
    const place: Held = { since: now(), takeBack, taken: false }
    holder.held.add(place)
    if (!takeBack) holder.fixed++
    busy++
    return {
      leave: () => {
        if (!holder.held.delete(place)) return
        if (!takeBack) holder.fixed--
        busy--
        holder.seenAt = now()
        forgetIdle(holder)
        serve()
      },
    }
  }

  /** Keys that were here lately count while shares bind; otherwise nothing is kept of who has left. */
  function forgetIdle(holder: Holder): void {
    if (holder.held.size > 0 || holder.waiting.length > 0) return
    if (!binds() || holder.seenAt < now() - memory) holders.delete(holder.key)
  }

  function wait(holder: Holder, entry: Waiting): void {
    holder.waiting.push(entry)
    holder.seenAt = entry.since
    queue.add(holder)
    waiting++
    ticking ??= setInterval(lookAround, tick)
  }

  function remove(holder: Holder, entry: Waiting): void {
    const at = holder.waiting.indexOf(entry)
    if (at < 0) return
    holder.waiting.splice(at, 1)
    waiting--
    if (holder.waiting.length === 0) queue.delete(holder)
    forgetIdle(holder)
    if (waiting === 0) stopTicking()
  }

  /** Gives free places away: to a key that holds nothing, else to the one that holds least for its weight. */
  function serve(): void {
    while (busy < connections && waiting > 0) {
      const next = nextHolder()
      if (!next) return
      const [entry] = next.waiting as [Waiting]
      remove(next, entry)
      if (queue.delete(next)) queue.add(next)
      entry.grant(hold(holderOf(entry.request), entry.request))
    }
  }

  function nextHolder(): Holder | undefined {
    let best: Holder | undefined
    for (const holder of queue) {
      if (!mayHold(holder, holder.waiting[0]!.request)) continue
      if (holder.held.size === 0) return holder
      if (!best || holder.held.size / holder.weight < best.held.size / best.weight) best = holder
    }
    return best
  }

  function lookAround(): void {
    const time = now()
    for (const holder of [...queue]) refuseLate(holder, time)
    for (const holder of [...holders.values()]) forgetIdle(holder)
    if (holders.size > 1) relieve(time)
    serve()
  }

  function refuseLate(holder: Holder, time: number): void {
    for (const entry of holder.waiting.filter(({ since }) => time - since >= patience)) {
      remove(holder, entry)
      entry.refuse(databaseErrors.database_busy({ system, connections }))
    }
  }

  /** Where somebody waits for too long, shares bind, and work is ended of keys that have more than theirs. */
  function relieve(time: number): void {
    const short = [...queue].filter(({ waiting: [first] }) => first && time - first.since >= shortage)
    if (short.length === 0) return
    bindsUntil = time + memory
    const deprived = short.filter((holder) => holder.held.size < shareOf(holder)).length
    if (deprived === 0) return
    const held = [...holders.values()].flatMap((holder) => {
      const excess = holder.held.size - shareOf(holder)
      return excess > 0 ? oldestFirst(holder.held).slice(0, excess) : []
    })
    const wanted = deprived - held.filter(({ taken }) => taken).length
    const long = held.filter(({ takeBack, taken, since }) => takeBack && !taken && time - since >= guaranteed)
    for (const place of oldestFirst(long).slice(0, Math.max(0, wanted))) {
      place.taken = true
      place.takeBack!()
    }
  }

  function stopTicking(): void {
    clearInterval(ticking)
    ticking = undefined
  }
}

const oldestFirst = (places: Iterable<Held>): Held[] => [...places].sort((a, b) => a.since - b.since)
