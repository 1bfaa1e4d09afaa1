import type { MailKind } from '../settings.ts'

/** What a template may name, as Supabase's do: `{{ .ConfirmationURL }}`. */
export interface MailVariables {
  readonly SiteURL: string
  readonly ConfirmationURL: string
  readonly Token: string
  readonly TokenHash: string
  readonly RedirectTo: string
  readonly Email: string
  readonly NewEmail: string
  /** The account's user metadata: `{{ .Data.name }}`. */
  readonly Data: Readonly<Record<string, unknown>>
}

/** A mail to one address. */
export interface AuthMail {
  readonly to: string
  readonly template: MailKind
  readonly variables: MailVariables
}

/** An SMS to one number: digits with the country's code, without a plus. */
export interface AuthSms {
  readonly to: string
  readonly text: string
}
