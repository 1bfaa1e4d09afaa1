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
  return { subject: oneLine(fill(subject, variables, String)), html: filled, text: toText(filled) }
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

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (found) => entities[found]!)

/** A header is one line: a line break in it would begin another header. */
const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029\0]+/g, ' ').slice(0, 250)

const plain: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

/** What a reader without HTML sees: texts, and the addresses of links behind them. */
function toText(html: string): string {
  const [start = '', ...parts] = html.split('<')
  let address: string | undefined
  const texts = parts.map((part) => {
    const end = part.indexOf('>')
    const [tag, text] = end < 0 ? ['', part] : [part.slice(0, end), part.slice(end + 1)]
    if (tag.startsWith('a ')) address = hrefOf(tag)
    if (tag !== '/a' || address === undefined) return ` ${text}`
    const link = `: ${address} ${text}`
    address = undefined
    return link
  })
  const readable = `${start}${texts.join('')}`.replace(/&(?:amp|lt|gt|quot|#39);/g, (found) => plain[found]!)
  const lines = readable.split('\n').map((line) => line.split(/[ \t]/).filter(Boolean).join(' '))
  return lines.filter(Boolean).join('\n')
}

function hrefOf(tag: string): string | undefined {
  const at = tag.indexOf('href="')
  const end = tag.indexOf('"', at + 6)
  return at < 0 || end < 0 ? undefined : tag.slice(at + 6, end)
}
