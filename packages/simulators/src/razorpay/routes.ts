import { z } from 'zod'
import type { Table } from '../core/tables.ts'
import { RazorpayFailure } from './failure.ts'

/** One call of the API. */
export interface RazorpayRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT'
  readonly path: string
  answer(given: unknown, ids: Readonly<Record<string, string>>): object
}

/** Describes a call: what it takes, and what it does. It does not wait for anything. */
export function razorpayRoute<T extends z.ZodType>(
  method: RazorpayRoute['method'],
  path: string,
  schema: T,
  handle: (given: z.output<T>, ids: Readonly<Record<string, string>>) => object,
): RazorpayRoute {
  return {
    method,
    path,
    answer: (given, ids) => {
      const read = schema.safeParse(given, { reportInput: true })
      if (read.success) return handle(read.data, ids)
      throw explain(read.error.issues[0]!)
    },
  }
}

function explain(issue: z.core.$ZodIssue): RazorpayFailure {
  const field = issue.code === 'unrecognized_keys' ? issue.keys[0]! : issue.path.join('.')
  const description =
    issue.code === 'unrecognized_keys'
      ? `${field} is/are not required and should not be sent`
      : issue.input === undefined
        ? `The ${field} field is required.`
        : `The ${field} field is invalid: ${issue.message}`
  return new RazorpayFailure(400, {
    code: 'BAD_REQUEST_ERROR',
    description,
    source: 'business',
    step: 'payment_initiation',
    reason: 'input_validation_failed',
    metadata: {},
    field,
  })
}

/** Numbers come as JSON or as text. */
export const whole = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d{1,15}$/)
      .transform(Number),
  ])
  .pipe(z.number().int())
export const amount = whole.pipe(z.number().min(100, 'The amount must be atleast INR 1.00'))
/** A whole number from `least` to `most`. */
export const between = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  whole.pipe(z.number().min(least).max(most))
export const currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/)
  .toUpperCase()
export const notes = z.preprocess(
  (given) => (Array.isArray(given) && given.length === 0 ? {} : given),
  z.record(z.string().max(256), z.coerce.string().max(512)),
)
export const switchOf = z
  .union([z.boolean(), z.literal([0, 1, '0', '1', 'true', 'false'])])
  .transform((given) => given === true || given === 1 || given === '1' || given === 'true')

/** What every list takes; other parameters pass unread, as with Razorpay. */
export const paging = z.looseObject({
  from: whole.optional(),
  to: whole.optional(),
  count: between(1, 100).default(10),
  skip: between(0).default(0),
})

export const collection = (items: readonly object[]) => ({ entity: 'collection', count: items.length, items })

/** A list call, the newest first. `keep` says what is asked for beside time and place. */
export const listRoute = <T extends { id: string; created_at: number }>(
  path: string,
  table: Table<T>,
  keep: (
    item: T,
    given: Readonly<Record<string, unknown>>,
    ids: Readonly<Record<string, string>>,
  ) => boolean = () => true,
): RazorpayRoute =>
  razorpayRoute('GET', path, paging, (given, ids) => {
    const { from = 0, to = Number.POSITIVE_INFINITY, count, skip } = given
    const found = table
      .all()
      .toReversed()
      .filter((item) => item.created_at >= from && item.created_at <= to && keep(item, given, ids))
    return collection(found.slice(skip, skip + count))
  })
