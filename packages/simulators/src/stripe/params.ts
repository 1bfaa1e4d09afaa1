import { z } from 'zod'
import type { Form } from '../core/form.ts'
import { badParameter } from './failure.ts'

/** Readers of parameters as Stripe writes them: everything comes as text. */

/** The text of an issue: what Stripe says, and its code behind a bar. */
const say = (message: string, code?: string) => (code ? `${message}|${code}` : message)

export const text = z
  .string()
  .min(1, say('You passed an empty string for a parameter that cannot be empty.', 'parameter_invalid_empty'))
  .max(5000)
/** Empty text takes the value away. */
export const clearable = z
  .string()
  .max(5000)
  .transform((value) => (value === '' ? null : value))
export const whole = z
  .string()
  .regex(/^-?\d{1,15}$/, say('Invalid integer', 'parameter_invalid_integer'))
  .transform(Number)
export const amount = whole.pipe(
  z.number().min(0, say('This value must be greater than or equal to 0.', 'parameter_invalid_integer')),
)
export const flag = z.enum(['true', 'false'], say('Invalid boolean')).transform((value) => value === 'true')
export const decimal = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,12})?$/, say('Invalid decimal'))
  .transform(Number)
export const currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/, say('Invalid currency'))
  .transform((value) => value.toLowerCase())

/** One of some words. */
export const oneOf = <const T extends readonly [string, ...string[]]>(...words: T) =>
  z.enum(words, say(`must be one of ${words.join(', ')}`))

/** A list, which a form writes with numbers as names. */
export const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (typeof value === 'object' && value !== null ? Object.values(value) : value),
    z.array(item),
  )

/** Values by name; an empty one takes its name away, and an empty text takes all away. */
export const metadata = z.union([
  z.literal('').transform(() => null),
  z.record(z.string().max(40), z.string().max(500)),
])
export type MetadataPatch = z.output<typeof metadata>

/** An instant in seconds, or limits of one. */
const range = z.union([
  whole.transform((at) => ({ gte: at, lte: at })),
  z.strictObject({
    gt: whole.optional(),
    gte: whole.optional(),
    lt: whole.optional(),
    lte: whole.optional(),
  }),
])
export type Range = {
  gt?: number | undefined
  gte?: number | undefined
  lt?: number | undefined
  lte?: number | undefined
}

/** What every list takes. */
export const paging = {
  limit: whole.pipe(z.number().min(1).max(100)).default(10),
  starting_after: text.optional(),
  ending_before: text.optional(),
  created: range.optional(),
}

/** Reads parameters. What Stripe has and the simulator has not is refused like what nobody has, and not ignored. */
export function readParams<T extends z.ZodType>(schema: T, params: Form): z.output<T> {
  const read = schema.safeParse(params, { reportInput: true })
  if (read.success) return read.data
  throw explain(read.error.issues[0]!)
}

function explain(issue: z.core.$ZodIssue): Error {
  const param = nameOf(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const name = nameOf([...issue.path, issue.keys[0]!])
    return badParameter(`Received unknown parameter: ${name}`, name, 'parameter_unknown')
  }
  if (issue.code === 'invalid_union' && issue.errors[0]?.[0]) {
    const inner = issue.errors.flat()[0]!
    return explain({ ...inner, path: [...issue.path, ...inner.path] })
  }
  if (issue.input === undefined)
    return badParameter(`Missing required param: ${param}.`, param, 'parameter_missing')
  const [message, code] = issue.message.split('|')
  return badParameter(`Invalid ${param}: ${message}`, param, code)
}

const nameOf = ([first, ...rest]: readonly PropertyKey[]): string =>
  `${String(first ?? '')}${rest.map((part) => `[${String(part)}]`).join('')}`
