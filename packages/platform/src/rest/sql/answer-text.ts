import { quoteName } from '../../database/index.ts'
import type { Format } from '../request/media.ts'
import type { Parameters } from './statement-text.ts'

/** One row that every statement of this surface answers with. */
export interface AnswerRow {
  /** The response's body as PostgreSQL wrote it. */
  readonly body: string | Buffer | null
  /** Rows in the body. */
  readonly page: number
  /** Rows without the limit, when they were counted. */
  readonly total?: number | null
  /** True when the planner may not be asked for the total. */
  readonly hidden?: boolean
  /** Primary key of the first written row, when its address is asked for. */
  readonly location?: readonly unknown[] | null
  /** How many rows of an upsert were new. */
  readonly inserted?: string | null
  /** What the request's SQL set for the response. */
  readonly headers: string | null
  readonly status: string | null
  /** True for the answer that an earlier request with the same Idempotency-Key was given. */
  readonly isReplayed?: boolean
}

/** What is selected besides the body, from the rows `r`. */
export interface AnswerParts {
  readonly body: string
  readonly total?: string | undefined
  readonly hidden?: string | undefined
  readonly location?: string | undefined
  readonly inserted?: string | undefined
  /** Raises when the number of rows is not what the request demands. */
  readonly guard?: string | undefined
}

/** The outermost select list; the rows are called `r`. */
export function answerText(parts: AnswerParts): string {
  const { body, total, hidden, location, inserted, guard } = parts
  return [
    `select ${body} as body`,
    'count(*)::int as page',
    ...(total ? [`${total} as total`] : []),
    ...(hidden ? [`${hidden} as hidden`] : []),
    ...(location ? [`${location} as location`] : []),
    ...(inserted ? [`${inserted} as inserted`] : []),
    ...(guard ? [`${guard} as guard`] : []),
    "nullif(current_setting('response.headers', true), '') as headers",
    "nullif(current_setting('response.status', true), '') as status",
  ].join(', ')
}

export const noBody = 'null::text'

/** The rows `r` written in a format; `one` is for functions that give one row whatever format is asked for. */
export function bodyText(
  format: Format,
  outputs: readonly string[],
  parameters: Parameters,
  row = 'r.*',
  one = false,
): string {
  if (format.kind === 'csv') return csvText(outputs, parameters)
  const rows = `json_agg(${row})`
  const whole = format.kind === 'object' || one ? `${rows} -> 0` : rows
  const kept = format.stripNulls ? `json_strip_nulls(${whole})` : `(${whole})`
  return format.kind === 'object' || one ? `coalesce(${kept}::text, 'null')` : `coalesce(${kept}::text, '[]')`
}

/** RFC 4180, with a line feed between lines; null is nothing and an empty text is `""`. */
function csvText(outputs: readonly string[], parameters: Parameters): string {
  const header = parameters.constant(outputs.map(csvName).join(','), 'text')
  const cells = outputs.map((output) => {
    const cell = `r.${quoteName(output)}::text`
    const quoted = `'"' || replace(${cell}, '"', '""') || '"'`
    return `case when ${cell} ~ '[",\\r\\n]' or ${cell} = '' then ${quoted} else coalesce(${cell}, '') end`
  })
  const line = cells.length > 0 ? cells.join(` || ',' || `) : `''`
  return `${header} || coalesce(E'\\n' || string_agg(${line}, E'\\n'), '')`
}

const csvName = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)
