import { isDeepStrictEqual } from 'node:util'
import type { FormCondition, FormField } from './form-fields.ts'

export interface AnswerProblem {
  readonly field: string
  readonly problem: string
}

export type Answers = Readonly<Record<string, unknown>>

/**
 * What a customer answered, field by field in the order of the form: hidden fields are left out, and so is what was left
 * empty. `problems` lists every answer that the form does not take.
 */
export function checkAnswers(
  fields: readonly FormField[],
  given: Answers,
): { readonly answers: Answers; readonly problems: readonly AnswerProblem[] } {
  const answers: Record<string, unknown> = {}
  const problems: AnswerProblem[] = []
  for (const field of fields) {
    if (field.showIf && !isMet(field.showIf, answers)) continue
    const answer = Object.hasOwn(given, field.key) ? given[field.key] : undefined
    if (isEmpty(answer)) {
      if (field.required) problems.push({ field: field.key, problem: 'is required' })
      continue
    }
    const problem = problemOf(field, answer)
    if (problem) problems.push({ field: field.key, problem })
    else answers[field.key] = answer
  }
  const known = new Set(fields.map(({ key }) => key))
  for (const key of Object.keys(given))
    if (!known.has(key)) problems.push({ field: key.slice(0, 40), problem: 'is not a field of this form' })
  return { answers, problems }
}

/** A field that is hidden itself has no answer: what depends on it is hidden, too. */
function isMet({ field, equals, in: among, notEquals }: FormCondition, answers: Answers): boolean {
  if (!Object.hasOwn(answers, field)) return false
  const answer = answers[field]
  const holds = (wanted: unknown) =>
    isDeepStrictEqual(answer, wanted) || (Array.isArray(answer) && answer.includes(wanted))
  if (equals !== undefined) return holds(equals)
  if (among !== undefined) return among.some(holds)
  return !holds(notEquals)
}

const isEmpty = (answer: unknown): boolean =>
  answer === undefined ||
  answer === null ||
  answer === false ||
  (typeof answer === 'string' && answer.trim() === '') ||
  (Array.isArray(answer) && answer.length === 0)

function problemOf(field: FormField, answer: unknown): string | undefined {
  switch (field.type) {
    case 'number':
      return problemOfNumber(field, answer)
    case 'checkbox':
      return answer === true ? undefined : 'must be true or false'
    case 'select':
      return typeof answer === 'string' && field.options.includes(answer)
        ? undefined
        : 'is not one of the options'
    case 'multiselect':
      return problemOfList(field, answer)
    case 'date':
      return problemOfDate(field, answer)
    default:
      return problemOfText(field, answer)
  }
}

type FieldOf<Type> = Extract<FormField, { type: Type }>

function problemOfNumber({ min, max, whole }: FieldOf<'number'>, answer: unknown): string | undefined {
  if (typeof answer !== 'number' || !Number.isFinite(answer)) return 'must be a number'
  if (whole && !Number.isInteger(answer)) return 'must be a whole number'
  if (min !== undefined && answer < min) return `must be at least ${min}`
  if (max !== undefined && answer > max) return `must be at most ${max}`
  return undefined
}

function problemOfList({ options, most }: FieldOf<'multiselect'>, answer: unknown): string | undefined {
  if (!Array.isArray(answer) || !answer.every((one) => options.includes(one)))
    return 'must be a list of the options'
  if (new Set(answer).size < answer.length) return 'names an option twice'
  return most !== undefined && answer.length > most ? `takes at most ${most} options` : undefined
}

function problemOfDate({ min, max }: FieldOf<'date'>, answer: unknown): string | undefined {
  const isDate =
    typeof answer === 'string' &&
    /^\d{4}-\d\d-\d\d$/.test(answer) &&
    new Date(`${answer}T00:00:00Z`).toJSON()?.startsWith(answer) === true
  if (!isDate) return 'must be a date: 2026-01-31'
  if (min !== undefined && answer < min) return `must not be before ${min}`
  return max !== undefined && answer > max ? `must not be after ${max}` : undefined
}

type TextField = FieldOf<'text' | 'textarea' | 'email' | 'phone' | 'url'>

const shapes: Readonly<Partial<Record<TextField['type'], readonly [RegExp, string]>>> = {
  email: [/^[^\s@]{1,64}@[^\s@]{1,255}$/, 'must be an e-mail address'],
  phone: [/^\+?[\d\s().-]{4,30}$/, 'must be a telephone number'],
  url: [/^https?:\/\/\S{1,2000}$/, 'must be an http or https address'],
}

function problemOfText(field: TextField, answer: unknown): string | undefined {
  const { type, minLength = 0, maxLength = type === 'textarea' ? 5_000 : 200 } = field
  if (typeof answer !== 'string') return 'must be a text'
  if (answer.length > maxLength) return `must have at most ${maxLength} characters`
  if (answer.length < minLength) return `must have at least ${minLength} characters`
  if (answer.includes('\0')) return 'must not contain a zero byte'
  const shape = shapes[type]
  return shape && !shape[0].test(answer) ? shape[1] : undefined
}
