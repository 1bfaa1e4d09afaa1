import { type ProjectDatabase, sql } from '../database/index.ts'
import type { JournalOffer, ShownEntry } from '../journal/index.ts'
import { describeEntry, type Names, whoDid } from './describe-entry.ts'

export interface AuditQuery {
  readonly tenant?: string
  /** A user's id or address, or a part of who it was: a function, a job, a key, a reason. */
  readonly who?: string
  /** `schema.table`, or a table of `public`. */
  readonly table?: string
  /** Values of the primary key, as text. */
  readonly key?: readonly string[]
  readonly operation?: ShownEntry['operation']
  /** A part of any value, before or after. */
  readonly text?: string
  readonly since?: Date
  /** Before this instant: the `next` of the answer before. */
  readonly until?: Date
  /** Default 100, at most 1,000. */
  readonly limit?: number
}

/** One thing that somebody did. */
export interface AuditEntry {
  readonly at: string
  readonly who: string
  /** Who did what to which thing, in words. */
  readonly sentence: string
  readonly operation: ShownEntry['operation']
  readonly table: string
  readonly key: readonly string[]
  readonly tenant: string
  readonly requestId: string | null
  readonly changes: ShownEntry['changes']
}

export interface AuditPage {
  /** The latest first. */
  readonly entries: readonly AuditEntry[]
  /** Go on before this instant; null when everything was looked at. */
  readonly next: string | null
}

/** The journal in words. Who may read whose is for the calling code to say. */
export interface Audit {
  search(query?: AuditQuery): Promise<AuditPage>
}

/** Entries that are read at once, and that one search looks at at most. */
const pageSize = 500
const mostLooked = 10_000

export function auditOfProject(database: ProjectDatabase, journal: Pick<JournalOffer, 'show'>): Audit {
  async function search(query: AuditQuery = {}): Promise<AuditPage> {
    const limit = Math.min(query.limit ?? 100, 1_000)
    const users = query.who === undefined ? undefined : await findUsers(database, query.who)
    const found: ShownEntry[] = []
    let until = query.until
    for (let looked = 0; looked < mostLooked; looked += pageSize) {
      const page = await readPage(journal, query, until)
      for (const [place, entry] of page.entries.entries()) {
        if (!matches(entry, query, users)) continue
        found.push(entry)
        // The rest of a millisecond comes along, so that the next page can begin before it.
        const following = page.entries[place + 1]
        const isLast = following === undefined || millisecondOf(following) !== millisecondOf(entry)
        if (found.length >= limit && isLast) return inWords(database, found, millisecondOf(entry))
      }
      if (page.next === null) return inWords(database, found, null)
      until = new Date(page.next)
    }
    return inWords(database, found, until?.toISOString() ?? null)
  }
  return { search }
}

interface Page {
  /** The latest first, whole instants. */
  readonly entries: readonly ShownEntry[]
  readonly next: string | null
}

/** Times have microseconds and a Date has milliseconds: a page ends where a millisecond does, and all of it is in one page. */
async function readPage(
  journal: Pick<JournalOffer, 'show'>,
  { tenant, table, key, since }: AuditQuery,
  until: Date | undefined,
): Promise<Page> {
  for (let size = pageSize; ; size *= 2) {
    const shown = await journal.show({
      limit: size,
      ...(tenant === undefined ? {} : { tenant }),
      ...(table === undefined ? {} : { table }),
      ...(key === undefined ? {} : { rowKey: key }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
    })
    const entries = shown.toSorted((a, b) =>
      a.committedAt < b.committedAt ? 1 : a.committedAt > b.committedAt ? -1 : b.sequence - a.sequence,
    )
    if (shown.length < size) return { entries, next: null }
    const oldest = millisecondOf(entries.at(-1)!)
    const whole = entries.filter((entry) => millisecondOf(entry) > oldest)
    // The oldest millisecond may go on: it belongs to the next page, which begins right after it.
    if (whole.length > 0) return { entries: whole, next: new Date(Date.parse(oldest) + 1).toISOString() }
  }
}

const millisecondOf = ({ committedAt }: ShownEntry): string => `${committedAt.slice(0, 23)}Z`

function matches(
  entry: ShownEntry,
  { who, operation, text }: AuditQuery,
  users: ReadonlySet<string> | undefined,
): boolean {
  if (operation !== undefined && entry.operation !== operation) return false
  if (text !== undefined && !entry.changes.some(({ from, to }) => from?.includes(text) || to?.includes(text)))
    return false
  if (who === undefined) return true
  const { actor } = entry
  if (!actor) return false
  return (
    (actor.user !== null && users!.has(actor.user)) ||
    [actor.via, actor.reason, actor.role].some((part) => part?.includes(who))
  )
}

async function findUsers(database: ProjectDatabase, who: string): Promise<ReadonlySet<string>> {
  const { rows } = await database.asOwner<{ id: string }>(
    sql`select id::text as id from auth.users where email = lower(${who}) or id::text = ${who}`,
  )
  return new Set([who, ...rows.map(({ id }) => id)])
}

async function namesOf(database: ProjectDatabase, entries: readonly ShownEntry[]): Promise<Names> {
  const ids = [...new Set(entries.flatMap(({ actor }) => actor?.user ?? []))]
  const { rows } = await database.asOwner<{ id: string; email: string }>(
    sql`select id::text as id, email from auth.users where id::text = any (${ids}) and email <> ''`,
  )
  return new Map(rows.map(({ id, email }) => [id, email]))
}

async function inWords(
  database: ProjectDatabase,
  entries: readonly ShownEntry[],
  next: string | null,
): Promise<AuditPage> {
  const names = await namesOf(database, entries)
  return {
    entries: entries.map((entry) => ({
      at: entry.committedAt,
      who: whoDid(entry, names),
      sentence: describeEntry(entry, names),
      operation: entry.operation,
      table: entry.table,
      key: entry.key,
      tenant: entry.tenant,
      requestId: entry.actor?.requestId ?? null,
      changes: entry.changes,
    })),
    next,
  }
}
