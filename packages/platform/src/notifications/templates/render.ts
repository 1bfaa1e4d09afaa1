import type { Liquid } from 'liquidjs'
import type { z } from 'zod'
import { messageOf } from '../../kernel/index.ts'
import { escapeHtml, oneLine, textOfHtml } from '../../messages/index.ts'
import { notificationErrors } from '../errors.ts'
import type { Content } from '../model/message.ts'
import { chooseLocale } from './choose-locale.ts'
import type { AnyTemplate } from './define-template.ts'
import { layout } from './layout.ts'

/** A message in words, for whatever channel. */
export interface Rendered {
  readonly subject: string
  readonly text: string
  readonly sms: string
  /** Complete page for a mail. */
  readonly html: string
  /** Where the message leads; null: nowhere. Only http, https and mailto. */
  readonly url: string | null
  readonly locale: string
}

export interface RenderOptions {
  readonly templates: readonly AnyTemplate[]
  readonly locale: string | null
  /** Name under the mail. */
  readonly sender: string
  /** Link of the footer; null: none. */
  readonly unsubscribe: string | null
}

/** Bounds for templates and variables that come from anywhere: characters, milliseconds, bytes. */
const limits = { parseLimit: 200_000, renderLimit: 1_000, memoryLimit: 20_000_000 }
const longestText = 20_000
/** Concatenated SMS of GSM letters hold 1,530 characters; a provider cuts or refuses more. */
const longestSms = 1_530

interface Engines {
  /** Escapes what is put in. */
  readonly html: Liquid
  readonly text: Liquid
}

let engines: Promise<Engines> | undefined

/** Loaded when the first message is rendered. */
const openEngines = () =>
  (engines ??= import('liquidjs').then(({ Liquid }) => {
    const shared = { ...limits, ownPropertyOnly: true, strictFilters: true, cache: 200 }
    return { html: new Liquid({ ...shared, outputEscape: 'escape' }), text: new Liquid(shared) }
  }))

/**
 * Puts a message into words: by its template in the reader's language, else by the texts of its row. Markup in variables is
 * text. Fails with `unknown_template`, `notification_invalid` for variables that do not fit, or `template_invalid`.
 */
export async function render(content: Content, options: RenderOptions): Promise<Rendered> {
  if (content.template === null) return frame(wordsOf(content), options)
  const template = options.templates.find(({ name }) => name === content.template)
  if (!template) throw unknownTemplate(content.template, options.templates)
  const variables = checkVariables(template, content.variables)
  try {
    return await frame(await fill(template, variables, content, options), options)
  } catch (cause) {
    throw notificationErrors.template_invalid({ name: template.name, problem: messageOf(cause) }, cause)
  }
}

export const unknownTemplate = (name: string, templates: readonly AnyTemplate[]) =>
  notificationErrors.unknown_template({
    name,
    known: templates.map((each) => each.name).join(', ') || 'none',
  })

/** The variables as the template's schema reads them. Fails with `notification_invalid`. */
export function checkVariables(template: AnyTemplate, given: unknown): object {
  const variables: z.ZodObject = template.variables
  const parsed = variables.safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw notificationErrors.notification_invalid({ problem: problems.join('; ') })
}

interface Words {
  readonly subject: string
  readonly text: string
  readonly sms: string
  /** HTML of the body, without its frame. */
  readonly body: string
  readonly action: string | null
  readonly url: string | null
  readonly locale: string
}

/** Without a template: what the row says. HTML of a row is somebody's own and goes out as it is. */
const wordsOf = ({ subject, body, html, actionUrl, locale }: Content): Words => ({
  subject: subject ?? '',
  text: body ?? (html === null ? '' : textOfHtml(html)),
  sms: body ?? subject ?? '',
  body: html ?? paragraphs(body ?? ''),
  action: null,
  url: actionUrl,
  locale: locale ?? 'en',
})

async function fill(
  template: AnyTemplate,
  variables: object,
  content: Content,
  options: RenderOptions,
): Promise<Words> {
  const locale = chooseLocale(Object.keys(template.texts), content.locale ?? options.locale)
  const texts = template.texts[locale]!
  const { html, text } = await openEngines()
  const plain = (source: string) => text.parseAndRender(source, variables) as Promise<string>
  const [subject, words, sms, body, action, url] = await Promise.all([
    plain(texts.subject),
    plain(texts.text),
    plain(texts.sms ?? texts.text),
    texts.html === undefined ? undefined : (html.parseAndRender(texts.html, variables) as Promise<string>),
    texts.action === undefined ? null : plain(texts.action),
    content.actionUrl ?? (template.url === undefined ? null : plain(template.url)),
  ])
  return { subject, text: words, sms, body: body ?? paragraphs(words), action, url, locale }
}

async function frame(words: Words, { sender, unsubscribe }: RenderOptions): Promise<Rendered> {
  const subject = oneLine(words.subject)
  const url = safeUrl(words.url)
  const unsubscribeLabel = unsubscribeLabels[words.locale.slice(0, 2).toLowerCase()] ?? 'Unsubscribe'
  const { html } = await openEngines()
  const page = (await html.parseAndRender(layout, {
    subject,
    locale: words.locale,
    content: words.body,
    action: words.action,
    url: url ?? '',
    sender,
    unsubscribe,
    unsubscribeLabel,
  })) as string
  const tail = [
    words.action && url ? `${words.action}: ${url}` : null,
    unsubscribe && `${unsubscribeLabel}: ${unsubscribe}`,
  ]
  const text = [words.text.trim(), ...tail].filter(Boolean).join('\n\n')
  return {
    subject,
    text: text.slice(0, longestText),
    sms: words.sms.trim().slice(0, longestSms),
    html: page,
    url,
    locale: words.locale,
  }
}

const unsubscribeLabels: Readonly<Record<string, string>> = {
  de: 'Abmelden',
  en: 'Unsubscribe',
  es: 'Darse de baja',
  fr: 'Se désabonner',
  hi: 'सदस्यता समाप्त करें',
  pt: 'Cancelar inscrição',
  th: 'ยกเลิกการรับข่าวสาร',
}

/** A variable may hold any address: one that runs code leads nowhere. A path stays a path of the app. */
function safeUrl(url: string | null): string | null {
  if (url === null || url === '') return null
  if (/^\/(?![/\\])/.test(url)) return url
  return URL.canParse(url) && /^(https?|mailto):$/.test(new URL(url).protocol) ? url : null
}

const paragraphs = (text: string): string =>
  text
    .split(/\n{2,}/)
    .filter((part) => part.trim() !== '')
    .map((part) => `<p style="margin:0 0 12px">${escapeHtml(part.trim()).replaceAll('\n', '<br>')}</p>`)
    .join('\n')
