/** A rule gives what is wrong, for people; null when nothing is. Values are never changed. */
export type Rule<T = unknown> = (value: T) => string | null

/** By field, the first rule that is broken. */
export type Problems = Readonly<Record<string, string>>

/** One address: something before the @ and a domain with a dot behind it, 254 characters at most (RFC 5321). */
export const isEmail = (text: string): boolean =>
  text.length <= 254 && /^[^\s@<>()",;:\\[\]]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/u.test(text)

/** 7 to 15 digits (E.164), written with blanks, dots, dashes, brackets or a leading +. */
export const isPhone = (text: string): boolean =>
  /^\+?[\d ().-]+$/.test(text) && /^\d{7,15}$/.test(text.replaceAll(/\D/g, ''))

/** Lengths of a password, in characters. */
const passwordLength = { least: 8, most: 128 } as const

const said = (isRight: boolean, problem: string): string | null => (isRight ? null : problem)

/** Rules to put together; an empty value passes all but `required`. */
export const rules = {
  required: (value: unknown) =>
    said(value !== undefined && value !== null && value !== '', 'This is required.'),
  email: optional((text) => said(isEmail(text), 'This is not an e-mail address.')),
  phone: optional((text) => said(isPhone(text), 'This is not a phone number.')),
  password: optional((text) =>
    said(
      [...text].length >= passwordLength.least && [...text].length <= passwordLength.most,
      `A password has ${passwordLength.least} to ${passwordLength.most} characters.`,
    ),
  ),
  uuid: optional((text) =>
    said(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text), 'This is not an id.'),
  ),
  url: optional((text) => said(URL.canParse(text) && /^https?:/i.test(text), 'This is not a web address.')),
  date: optional((text) => said(!Number.isNaN(Date.parse(text)), 'This is not a date.')),
  length: (least: number, most: number) =>
    optional((text) =>
      said([...text].length >= least && [...text].length <= most, `This has ${least} to ${most} characters.`),
    ),
  number: (least: number, most: number) => (value: unknown) =>
    said(
      value === undefined || value === null || (typeof value === 'number' && value >= least && value <= most),
      `This is a number from ${least} to ${most}.`,
    ),
  oneOf: (...allowed: readonly string[]) =>
    optional((text) => said(allowed.includes(text), `This is one of ${allowed.join(', ')}.`)),
}

function optional(rule: (text: string) => string | null): Rule {
  return (value) => {
    if (value === undefined || value === null || value === '') return null
    return typeof value === 'string' ? rule(value) : 'This is a text.'
  }
}

/** Checks the fields of an object; empty when all is right. Fields without rules are not looked at. */
export function validate(
  values: Readonly<Record<string, unknown>>,
  schema: Readonly<Record<string, readonly Rule[]>>,
): Problems {
  const found = Object.entries(schema).flatMap(([field, of]) => {
    const problem = of.map((rule) => rule(values[field])).find((each) => each !== null)
    return problem === undefined ? [] : [[field, problem] as const]
  })
  return Object.fromEntries(found)
}

/** A form that was refused before it was sent. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError'
  readonly code = 'invalid'
  readonly status = 400
  readonly problems: Problems

  constructor(problems: Problems) {
    super(
      Object.entries(problems)
        .map(([field, problem]) => `${field}: ${problem}`)
        .join(' '),
    )
    this.problems = problems
  }
}

/** Fails with {@link ValidationError} unless every field is right. */
export function requireValid(...given: Parameters<typeof validate>): void {
  const problems = validate(...given)
  if (Object.keys(problems).length > 0) throw new ValidationError(problems)
}
