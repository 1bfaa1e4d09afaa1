import { createHash } from 'node:crypto'
import { quoteName, type ScopedDatabase, type Statement } from '@plinth/platform/database'
import { z } from 'zod'

/** `?page=2&limit=50`: pages of 20 rows, at most 100 (K-11). */
export const pageQuery = {
  page: z.coerce.number().int().min(1).max(100_000).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(20),
}

export const pageOf = <Row extends z.ZodType>(row: Row) =>
  z.object({ items: z.array(row), page: z.int(), limit: z.int(), total: z.int() })

/** Conditions of a statement, with their values as parameters. */
export class Filter {
  readonly #parts: string[] = []
  readonly values: unknown[] = []

  /** Adds a condition in which `?` stands for the value; undefined adds nothing. */
  where(condition: string, value: unknown): this {
    if (value === undefined) return this
    this.values.push(value)
    this.#parts.push(condition.replaceAll('?', `$${this.values.length}`))
    return this
  }

  toString(): string {
    return this.#parts.length > 0 ? `where ${this.#parts.join(' and ')}` : ''
  }
}

/** Text that somebody looks for, as a pattern that stands for itself. */
export const contains = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : `%${text.replace(/[\\%_]/g, '\\$&')}%`

export interface PageOptions {
  readonly table: string
  readonly filter: Filter
  /** SQL, such as `"createdAt" desc, id`. */
  readonly order: string
  readonly page: number
  readonly limit: number
  /** SQL that is asked once and refuses who may not list. */
  readonly permit?: string
}

export interface Page {
  readonly items: never[]
  readonly page: number
  readonly limit: number
  readonly total: number
}

/** A page of the rows that the caller may see, and how many there are. */
export async function readPage(db: ScopedDatabase, options: PageOptions): Promise<Page> {
  const { page, limit } = options
  const { rows } = await db.query<{ items: never[]; total: number }>(pageStatement(options), {
    readOnly: true,
  })
  return { ...rows[0]!, page, limit }
}

function pageStatement({ table, filter, order, page, limit, permit }: PageOptions): Statement {
  const from = `public.${quoteName(table)} t`
  const values = [...filter.values, limit, (page - 1) * limit]
  const text = `select
    (select coalesce(json_agg(to_jsonb(f)), '[]') from (
      select t.* from ${from} ${filter} order by ${order} limit $${values.length - 1} offset $${values.length}) f) as items,
    (select count(*)::int from ${from} ${filter}) as total${permit ? `, ${permit} as permitted` : ''}`
  return { text, values }
}

/**
 * The answer of a GET with its entity tag, and 304 for who has it already (RFC 9110, 13.1.2). `tag` is the row's own, or is
 * made of the data.
 */
export function tagged<Data>(
  context: { readonly request: Request; setHeader(name: string, value: string): void },
  data: Data,
  tag = createHash('sha256').update(JSON.stringify(data)).digest('base64url').slice(0, 22),
): Data | Response {
  const etag = `"${tag}"`
  context.setHeader('etag', etag)
  context.setHeader('cache-control', 'private, no-cache')
  const known = context.request.headers.get('if-none-match')
  const isKnown = known?.split(',').some((each) => each.trim().replace(/^W\//, '') === etag) ?? false
  return isKnown ? new Response(null, { status: 304, headers: { etag } }) : data
}

/** The tag that a change asks for by `If-Match`; null without one, or for `*`. */
export function wantedTag(request: Request): string | null {
  const header = request.headers.get('if-match')
  return header === null || header === '*' ? null : header.replace(/^W\//, '').replace(/^"|"$/g, '')
}
