import type { QueryResultRow } from 'pg'
import { type ProjectDatabase, type Statement, sql, translateSqlError } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import { holdErrors } from './errors.ts'

/** What may be claimed of counted things, quotas and lots. */
interface UnitClaim {
  readonly quantity: number
}

/** What may be claimed of resources and groups of them. */
interface RangeClaim {
  readonly from: Date
  readonly until: Date
}

/** A hold as it is asked for. The same key claiming the same thing again is the same hold. */
export type Claim = {
  /** What is claimed: the id of an item, an event, a resource, an account. */
  readonly thing: string
  /** Who claims, in words of the system; unique in its kind, such as an order's id. */
  readonly key: string
  readonly expiresAt: Date
  /** The user who may read the hold. */
  readonly owner?: string
} & (UnitClaim | RangeClaim)

/** What was committed or returned. */
export interface CommittedHold {
  readonly thing: string
  readonly key: string
  readonly quantity: number
}

export interface Lot {
  readonly key: string
  readonly granted: number
  readonly burned: number
  readonly held: number
  readonly available: number
  /** Null: never. */
  readonly expiresAt: Date | null
}

/** An entry of a waitlist. */
export interface WaitlistEntry {
  readonly state: 'waiting' | 'offered' | 'accepted' | 'declined' | 'expired' | 'left'
  /** Until when the offer stands; null without one. */
  readonly offerUntil: Date | null
}

/** A time and who is free then. */
export interface FreeRange {
  readonly from: Date
  readonly until: Date
  readonly resources: readonly string[]
}

/**
 * Holds of one project, thin over the SQL of docs/holds.md. Each call is a transaction of the owner's; what has to happen
 * together with other writes calls the same functions in SQL. Quantities are whole units below 2⁵³.
 */
export interface Holds {
  /** Holds every claim or none. Fails with `not_enough_units`, `invalid_claim` or `already_committed`. */
  place(kind: string, claims: readonly Claim[]): Promise<void>
  /** Gives what was committed; a hold that has expired is not among it. */
  commit(kind: string, keys: readonly string[]): Promise<readonly CommittedHold[]>
  /** Gives how many holds there were. */
  release(kind: string, keys: readonly string[]): Promise<number>
  /** Commits a hold at its true size. Fails with `not_enough_units` or `hold_is_gone`. */
  settle(kind: string, key: string, quantity: number): Promise<void>
  /** Undoes commits of slots and credits; gives what came back, once. */
  returnHolds(kind: string, keys: readonly string[]): Promise<readonly CommittedHold[]>
  /** Gives committed units of a counted thing or a quota back. Fails with `nothing_to_return`. */
  returnUnits(kind: string, thing: string, quantity: number): Promise<void>
  /** Sets the limit of a quota, which may lie below what is used. */
  setLimit(kind: string, thing: string, limit: number): Promise<void>
  /** Units of a counted thing or a quota; null when there is no pool. Negative where a limit shrank below its use. */
  available(kind: string, thing: string): Promise<number | null>
  /** Gives an account a lot, once per key; without `expiresAt` it never ends. */
  grantLot(kind: string, thing: string, lot: NewLot): Promise<void>
  /** What of an account can be held now. */
  balance(kind: string, thing: string): Promise<number>
  lots(kind: string, thing: string): Promise<readonly Lot[]>
  /** The free times nearest to the wanted one, within some times, steps apart. */
  findRanges(kind: string, thing: string, wish: RangeWish): Promise<readonly FreeRange[]>
  /** Fails with `waitlist_closed` or `already_held`. */
  joinWaitlist(kind: string, thing: string, key: string, options?: JoinOptions): Promise<WaitlistEntry>
  /** The offer's units become an ordinary hold. Fails with `offer_is_gone`. */
  acceptOffer(kind: string, thing: string, key: string, expiresAt?: Date): Promise<void>
  /** Declines an offer or leaves the line. */
  leaveWaitlist(kind: string, thing: string, key: string): Promise<void>
}

export interface NewLot {
  readonly key: string
  readonly quantity: number
  readonly expiresAt?: Date
  /** Among lots that end together the lowest goes first. Default 0. */
  readonly rank?: number
}

export interface RangeWish {
  readonly from: Date
  readonly until: Date
  /** When it may be: opening hours. */
  readonly within: readonly { readonly from: Date; readonly until: Date }[]
  /** Minutes. Default 15. */
  readonly step?: number
  /** Default 5. */
  readonly limit?: number
}

export interface JoinOptions {
  /** Default 1. */
  readonly quantity?: number
  readonly owner?: string
}

/** The holds of a project by its own clock. */
export function createHolds(database: ProjectDatabase, clock: Clock): Holds {
  const run = async <Row extends QueryResultRow>(statement: Statement): Promise<readonly Row[]> => {
    try {
      return (await database.asOwner<Row>(statement)).rows
    } catch (error) {
      throw translateSqlError(error, holdErrors)
    }
  }
  const now = () => clock.now()
  const committed = (rows: readonly CommittedRow[]): readonly CommittedHold[] =>
    rows.map(({ thing, key, quantity }) => ({ thing, key, quantity: Number(quantity) }))
  return {
    place: async (kind, claims) => {
      await run(sql`select plinth.place_holds(${kind}, array(
        select row(c.thing, c.key, c.quantity, c.expires_at, c.owner, c.during)::plinth.claim
        from jsonb_to_recordset(${JSON.stringify(claims.map(rowOf))}::jsonb)
          c (thing uuid, key text, quantity bigint, expires_at timestamptz, owner uuid, during tstzrange)), ${now()})`)
    },
    commit: async (kind, keys) =>
      committed(
        await run(sql`select thing, key, quantity from plinth.commit_holds(${kind}, ${keys}, ${now()})`),
      ),
    release: async (kind, keys) => {
      const rows = await run<{ released: string }>(
        sql`select plinth.release_holds(${kind}, ${keys}, ${now()}) as released`,
      )
      return Number(rows[0]!.released)
    },
    settle: async (kind, key, quantity) => {
      await run(sql`select plinth.settle_hold(${kind}, ${key}, ${quantity}, ${now()})`)
    },
    returnHolds: async (kind, keys) =>
      committed(
        await run(sql`select thing, key, quantity from plinth.return_holds(${kind}, ${keys}, ${now()})`),
      ),
    returnUnits: async (kind, thing, quantity) => {
      await run(
        sql`select plinth.return_units(${kind}, array[${thing}]::uuid[], array[${quantity}]::bigint[], ${now()})`,
      )
    },
    setLimit: async (kind, thing, limit) => {
      await run(sql`select plinth.set_limit(${kind}, ${thing}, ${limit}, ${now()})`)
    },
    available: async (kind, thing) => {
      const rows = await run<{ available: string }>(
        sql`select available from plinth.availability(${kind}, array[${thing}]::uuid[], ${now()})`,
      )
      return rows[0] ? Number(rows[0].available) : null
    },
    grantLot: async (kind, thing, { key, quantity, expiresAt, rank = 0 }) => {
      await run(
        sql`select plinth.grant_lot(${kind}, ${thing}, ${key}, ${quantity}, ${expiresAt ?? 'infinity'}, ${rank}::smallint)`,
      )
    },
    balance: async (kind, thing) => {
      const rows = await run<{ balance: string }>(
        sql`select plinth.balance(${kind}, ${thing}, ${now()}) as balance`,
      )
      return Number(rows[0]!.balance)
    },
    lots: async (kind, thing) => {
      const rows = await run<LotRow>(sql`
        select key, granted, burned, held, available, to_json(nullif(expires_at, 'infinity')) #>> '{}' as expires_at
        from plinth.lots_of(${kind}, ${thing}, ${now()})`)
      return rows.map((row) => ({
        key: row.key,
        granted: Number(row.granted),
        burned: Number(row.burned),
        held: Number(row.held),
        available: Number(row.available),
        expiresAt: dateOf(row.expires_at),
      }))
    },
    findRanges: async (kind, thing, { from, until, within, step = 15, limit = 5 }) => {
      const rows = await run<{ from: string; until: string; resources: string[] }>(sql`
        select to_json(lower(during)) #>> '{}' as "from", to_json(upper(during)) #>> '{}' as until, to_json(resources) as resources
        from plinth.find_ranges(${kind}, ${thing}, tstzrange(${from}, ${until}),
          (select coalesce(range_agg(tstzrange(w."from", w.until)), '{}')
           from jsonb_to_recordset(${JSON.stringify(within)}::jsonb) w ("from" timestamptz, until timestamptz)),
          make_interval(mins => ${step}), ${limit}, ${now()})`)
      return rows.map((row) => ({
        from: new Date(row.from),
        until: new Date(row.until),
        resources: row.resources,
      }))
    },
    joinWaitlist: async (kind, thing, key, { quantity = 1, owner } = {}) => {
      const rows = await run<{ state: WaitlistEntry['state']; until: string | null }>(sql`
        select w.state, to_json(case when w.state = 'offered' then w.offer_until end) #>> '{}' as until
        from plinth.join_waitlist(${kind}, ${thing}, ${key}, ${quantity}, ${owner ?? null}, ${now()}) w`)
      return { state: rows[0]!.state, offerUntil: dateOf(rows[0]!.until) }
    },
    acceptOffer: async (kind, thing, key, expiresAt) => {
      await run(sql`select plinth.accept_offer(${kind}, ${thing}, ${key}, ${expiresAt ?? null}, ${now()})`)
    },
    leaveWaitlist: async (kind, thing, key) => {
      await run(sql`select plinth.leave_waitlist(${kind}, ${thing}, ${key}, ${now()})`)
    },
  }
}

interface CommittedRow extends QueryResultRow {
  readonly thing: string
  readonly key: string
  readonly quantity: string
}

interface LotRow extends QueryResultRow {
  readonly key: string
  readonly granted: string
  readonly burned: string
  readonly held: string
  readonly available: string
  readonly expires_at: string | null
}

const dateOf = (text: string | null) => (text === null ? null : new Date(text))

function rowOf(claim: Claim) {
  const { thing, key, expiresAt, owner } = claim
  const row = { thing, key, owner, expires_at: expiresAt }
  return 'quantity' in claim
    ? { ...row, quantity: claim.quantity }
    : { ...row, quantity: 1, during: `[${claim.from.toISOString()},${claim.until.toISOString()})` }
}
