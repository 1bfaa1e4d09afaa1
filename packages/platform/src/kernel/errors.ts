/** One kind of failure that a caller may meet: how it is answered and what to do about it. */
export interface ErrorDefinition {
  /** HTTP status, 400–599. */
  readonly status: number
  /** What went wrong; `{name}` is replaced by the detail of that name. */
  readonly message: string
  /** What the reader can do next. */
  readonly hint: string
}

export type ErrorDetails = Readonly<Record<string, unknown>>

/** A failure with a code from a catalogue. Everything a caller sees of an error comes from one of these. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: string
  readonly status: number
  readonly hint: string
  readonly details: ErrorDetails

  constructor(code: string, definition: ErrorDefinition, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(definition.message, details), cause === undefined ? undefined : { cause })
    this.code = code
    this.status = definition.status
    this.hint = fill(definition.hint, details)
    this.details = details
  }
}

/** Makes the error of one catalogue entry; `cause` is kept for the log and never shown to the caller. */
export type ErrorFactory = ((details?: ErrorDetails, cause?: unknown) => AppError) & {
  readonly code: string
  readonly definition: ErrorDefinition
}

/** A catalogue: one factory per code. Codes are snake_case and documented in `docs/errors.md`. */
export type ErrorCatalogue<Code extends string> = { readonly [C in Code]: ErrorFactory }

/** Turns a table of definitions into typed factories: `throw errors.unknown_project({ name })`. */
export function defineErrors<Code extends string>(
  definitions: Record<Code, ErrorDefinition>,
): ErrorCatalogue<Code> {
  const factories = Object.entries<ErrorDefinition>(definitions).map(([code, definition]) => {
    const make = (details?: ErrorDetails, cause?: unknown) => new AppError(code, definition, details, cause)
    return [code, Object.assign(make, { code, definition })]
  })
  return Object.fromEntries(factories)
}

/** True when `error` carries `code`, whichever catalogue it came from. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === code
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in details ? String(details[name]) : whole,
  )
}
