import { type ProjectDatabase, sql } from '../database/index.ts'
import { parsePosition } from '../tail/index.ts'
import { rewindErrors } from './errors.ts'
import { normaliseInstant } from './instant.ts'

/**
 * Where to go back to. An instant (a `Date`, or ISO 8601 with its offset, to the microsecond): what was committed by then
 * stays, so the instant that is printed beside a change is the state just after it. Or the number of the last change that
 * stays, with all that its commit made; 0 is the state just before the first.
 */
export type RewindTarget = Date | string | number

/** Where something is in the order of commits. */
export interface Place {
  /** `X/Y`; null where it is not known. */
  readonly position: string | null
  /** ISO 8601 in UTC with microseconds. */
  readonly at: string
}

export interface RewindPoint {
  /** The last entry of the tenant's sequence that stays; 0 for none. */
  readonly sequence: number
  /** The last entry there is. */
  readonly last: number
  /** What was asked for, for people. */
  readonly name: string
  /** Nothing before this instant is after the point. ISO 8601 in UTC with microseconds. */
  readonly from: string
  /** True for what was committed after the point; where that is not certain, too. */
  isAfter(place: Place): boolean
}

interface FoundPoint {
  readonly first_undone: string | null
  readonly stays_position: string | null
  readonly stays_at: string | null
  readonly undone_position: string | null
  readonly undone_at: string | null
  readonly anchor: string | null
  readonly anchored_at: string | null
  readonly moved_at: string | null
}

const begin = '0001-01-01T00:00:00.000000Z'

/**
 * The prefix of the tenant's sequence that a target means: up to before the first change that was committed after the
 * instant (commit times are not in the order of commits), or to the end of the commit that made the numbered change: half
 * a transaction was never a state. A number is refused where its instant would be. Fails with `rewind_unknown_point`,
 * `rewind_archived`, `rewind_too_old` or `rewind_crosses_gap`.
 */
export async function findRewindPoint(
  database: ProjectDatabase,
  tenant: string,
  target: RewindTarget,
): Promise<RewindPoint> {
  const { last, now } = await readLast(database, tenant)
  const instant = instantOf(target)
  const name = describeTarget(target)
  const sensible =
    instant === null
      ? typeof target === 'number' && Number.isSafeInteger(target) && target >= 0 && target <= last
      : instant !== undefined && instant <= now
  if (!sensible) throw rewindErrors.rewind_unknown_point({ to: name, last })
  const found = await (typeof instant === 'string'
    ? findInstant(database, tenant, instant)
    : findNumber(database, tenant, target as number))
  requireUnarchived(found, tenant, name, instant ?? null, target)
  const point = makePoint(found, last, name, instant ?? null)
  await requireNoGap(database, point)
  return point
}

/** Null for a number, undefined for what is no instant. */
function instantOf(target: RewindTarget): string | undefined | null {
  if (typeof target === 'number') return null
  if (typeof target === 'string') return normaliseInstant(target)
  return Number.isNaN(target.getTime()) ? undefined : `${target.toISOString().slice(0, 23)}000Z`
}

/** The last entry, and the database's clock, which commits are stamped by. */
async function readLast(database: ProjectDatabase, tenant: string): Promise<{ last: number; now: string }> {
  const { rows } = await database.asJournal<{ last: string | null; now: string }>(sql`
    select (select sequence from plinth_journal.heads where tenant = ${tenant}) as last,
      to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`)
  return { last: Number(rows[0]!.last ?? 0), now: rows[0]!.now }
}

/** The first entry that goes, by its number; `offset 0` lets the index on commit times find it. */
const findInstant = (database: ProjectDatabase, tenant: string, instant: string) =>
  readPlaces(database, {
    text: `select min(sequence) as sequence from (
      select sequence from plinth_journal.entries where tenant = $1 and committed_at > $2::timestamptz offset 0) later`,
    values: [tenant, instant],
  })

const findNumber = (database: ProjectDatabase, tenant: string, number: number) =>
  readPlaces(database, {
    text: `select sequence from plinth_journal.entries
      where tenant = $1 and sequence > $2 and position is distinct from (
        select position from plinth_journal.entries where tenant = $1 and sequence = $2)
      order by sequence limit 1`,
    values: [tenant, number],
  })

async function readPlaces(
  database: ProjectDatabase,
  firstUndone: { readonly text: string; readonly values: readonly [string, string | number] },
): Promise<FoundPoint> {
  const format = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
  const at = (column: string) => `to_char(${column} at time zone 'UTC', ${format})`
  const { rows } = await database.asJournal<FoundPoint>({
    text: `with undone as materialized (${firstUndone.text})
      select undone.sequence as first_undone, stays.position::text as stays_position, ${at('stays.committed_at')} as stays_at,
        gone.position::text as undone_position, ${at('gone.committed_at')} as undone_at,
        anchors.sequence as anchor, ${at('anchors.committed_at')} as anchored_at,
        (select ${at('max(noticed_at)')} from plinth_journal.gaps where reason = 'other_cluster') as moved_at
      from (select 1) one
      left join undone on true
      left join plinth_journal.anchors on anchors.tenant = $1
      left join plinth_journal.entries gone on gone.tenant = $1 and gone.sequence = undone.sequence
      left join plinth_journal.entries stays on stays.tenant = $1 and stays.sequence = coalesce(undone.sequence - 1,
        (select sequence from plinth_journal.heads where tenant = $1))`,
    values: firstUndone.values,
  })
  return rows[0]!
}

/** A commit of which the beginning was archived is no point either. */
function requireUnarchived(
  { anchor, anchored_at, undone_at }: FoundPoint,
  tenant: string,
  to: string,
  instant: string | null,
  target: RewindTarget,
): void {
  if (anchor === null || anchored_at === null) return
  const isBefore = instant === null ? Number(target) < Number(anchor) : instant < anchored_at
  const isWithin = instant === null && Number(target) === Number(anchor) && undone_at === anchored_at
  if (isBefore || isWithin)
    throw rewindErrors.rewind_archived({ tenant, to, first: Number(anchor), oldest: anchored_at })
}

function makePoint(found: FoundPoint, last: number, name: string, instant: string | null): RewindPoint {
  const sequence = found.first_undone === null ? last : Number(found.first_undone) - 1
  const undone =
    found.undone_at === null ? undefined : { position: found.undone_position, at: found.undone_at }
  const staysAt = found.stays_at ?? (sequence > 0 ? found.anchored_at : null)
  const stays = staysAt === null ? undefined : { position: found.stays_position, at: staysAt }
  const earliest = [instant, stays?.at, undone?.at].filter((at) => typeof at === 'string').sort()[0]
  /** Positions of another cluster mean nothing here. */
  const reaches = (place: Place, other: Place | undefined, least: bigint): boolean =>
    place.position !== null &&
    other !== undefined &&
    other.position !== null &&
    (found.moved_at === null || (place.at > found.moved_at && other.at > found.moved_at)) &&
    parsePosition(place.position) - parsePosition(other.position) >= least
  return {
    sequence,
    last,
    name,
    from: earliest ?? begin,
    isAfter: (place) => {
      if (instant !== null) return place.at > instant || reaches(place, undone, 0n)
      if (stays) return place.at > stays.at || reaches(place, stays, 1n)
      return undone !== undefined && (place.at >= undone.at || reaches(place, undone, 0n))
    },
  }
}

/** Everything since the point must be in the journal. */
async function requireNoGap(database: ProjectDatabase, point: RewindPoint): Promise<void> {
  const { rows } = await database.asJournal<{ position: string; at: string; reason: string }>(sql`
    select until_position::text as position, reason,
      to_char(noticed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from plinth_journal.gaps order by id desc`)
  const gap = rows.find((each) => point.isAfter(each))
  if (!gap) return
  const { at: oldest, reason } = gap
  if (reason === 'beginning') throw rewindErrors.rewind_too_old({ to: point.name, oldest })
  throw rewindErrors.rewind_crosses_gap({ to: point.name, oldest, reason })
}

export function describeTarget(target: RewindTarget): string {
  if (typeof target === 'string') return target
  return target instanceof Date && !Number.isNaN(target.getTime()) ? target.toISOString() : `change ${target}`
}
