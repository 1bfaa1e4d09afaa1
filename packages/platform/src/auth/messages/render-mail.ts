import { escapeHtml, oneLine, textOfHtml } from '../../messages/index.ts'
import type { AuthSettings } from '../settings.ts'
import type { AuthMail, MailVariables } from './auth-mail.ts'
import { defaultSubjects, defaultTemplates } from './default-templates.ts'

/** A mail as it goes out. */
export interface RenderedMail {
  readonly subject: string
  readonly html: string
  readonly text: string
}

/** Fills the project's own subject and template for the mail, or Plinth's. */
export function renderMail(settings: AuthSettings, { template, variables }: AuthMail): RenderedMail {
  const subject = settings.mailerSubjects[template] ?? defaultSubjects[template]
  const html = settings.mailerTemplates[template] ?? defaultTemplates[template]
  const filled = fill(html, variables, escapeHtml)
  return { subject: oneLine(fill(subject, variables, String)), html: filled, text: textOfHtml(filled) }
}

/** `{{ .Email }}`, `{{ .Data.first_name }}`: what is unknown becomes nothing. */
function fill(template: string, variables: MailVariables, quote: (text: string) => string): string {
  return template.replace(/\{\{\s?\.(\w{1,40})(?:\.(\w{1,40}))?\s?\}\}/g, (_, name: string, key?: string) => {
    const found = Object.hasOwn(variables, name) ? variables[name as keyof MailVariables] : ''
    const value =
      typeof found === 'object' && key !== undefined && Object.hasOwn(found, key) ? found[key] : found
    return typeof value === 'string' || typeof value === 'number' ? quote(String(value)) : ''
  })
}
