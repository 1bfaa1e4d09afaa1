import { type ProjectDatabase, sql } from '../database/index.ts'

/** What is known of a stored answer, and of the present. */
export interface StoredAnswer {
  /** Null: there is none that is valid. */
  readonly text: string | null
  /** It depends on more than its own key. */
  readonly isDependent: boolean
  /** Milliseconds of the clock. */
  readonly freshUntil: number
  readonly staleUntil: number
  /** The last change before this was read: what is computed from now on knows of it. */
  readonly change: string
}

export interface NewAnswer {
  readonly text: string
  readonly tags: readonly string[]
  readonly freshUntil: number
  readonly staleUntil: number
  /** From before it was computed. */
  readonly change: string
}

export async function readAnswer(database: ProjectDatabase, key: string): Promise<StoredAnswer> {
  const { rows } = await database.asOwner<{
    value: string | null
    dependent: boolean | null
    fresh: string | null
    stale: string | null
    change: string
  }>({
    name: 'plinth_read_cache',
    ...sql`
      select c.value, cardinality(c.tags) > 1 as dependent, c.fresh_until as fresh, c.stale_until as stale, n.last_value::text as change
      from plinth.cache_changes n
      left join plinth.cache c on c.key = ${key} and not exists (
        select from plinth.cache_tags t where (t.tag = any (c.tags) or t.tag = '*') and t.change > c.change)`,
  })
  const { value, dependent, fresh, stale, change } = rows[0]!
  const time = (instant: string | null) => (instant === null ? 0 : new Date(instant).getTime())
  return {
    text: value,
    isDependent: dependent ?? false,
    freshUntil: time(fresh),
    staleUntil: time(stale),
    change,
  }
}

/** Stores an answer, unless one that knows of more changes is there. */
export async function writeAnswer(database: ProjectDatabase, key: string, answer: NewAnswer): Promise<void> {
  const { text, tags, freshUntil, staleUntil, change } = answer
  await database.asOwner(sql`
    insert into plinth.cache as c (key, value, tags, change, fresh_until, stale_until)
    values (${key}, ${text}, ${tags}, ${change}::bigint, ${new Date(freshUntil)}, ${new Date(staleUntil)})
    on conflict (key) do update set value = excluded.value, tags = excluded.tags, change = excluded.change,
      fresh_until = excluded.fresh_until, stale_until = excluded.stale_until
    where excluded.change >= c.change`)
}

/** `node` is who tells it, and hears it already. */
export async function invalidate(
  database: ProjectDatabase,
  tags: readonly string[],
  node: string,
): Promise<void> {
  await database.asOwner(sql`select plinth.invalidate_cache(${tags}::text[], ${node})`)
}

/** Computing takes no longer than this, or its answer is not stored. Milliseconds. */
export const longestComputing = 3_600_000

/** Removes answers that nobody may be given any more, and changes from before everything that is stored or being computed. */
export async function pruneAnswers(database: ProjectDatabase, now: Date): Promise<void> {
  await database.asOwner(sql`delete from plinth.cache where stale_until <= ${now}`)
  await database.asOwner(sql`
    delete from plinth.cache_tags where at < clock_timestamp() - interval '1 day'
      and change < coalesce((select min(change) from plinth.cache), 9223372036854775807)`)
}
